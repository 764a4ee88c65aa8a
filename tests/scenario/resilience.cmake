# What happens to messages and devices when gateway, hub or network fail.
hubward_scenario(failover TIMEOUT 900)
hubward_scenario(crash TIMEOUT 900)
hubward_scenario(outage TIMEOUT 900)
hubward_scenario(mission TIMEOUT 900)
hubward_scenario(wrong_clock TIMEOUT 900)
