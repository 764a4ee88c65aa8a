# What networks, hubs, crashes and disks do: through a proxy that spoils connections, in network
# namespaces, and with devices enough to make a storm.
hubward_scenario(bad_network TIMEOUT 900)
hubward_scenario(southbound_network TIMEOUT 900)
hubward_scenario(names TIMEOUT 900)
hubward_scenario(no_route TIMEOUT 900)
hubward_scenario(many_devices TIMEOUT 900)
hubward_scenario(second_holder TIMEOUT 900)
hubward_scenario(crash_loop TIMEOUT 900)
# On a disk of its own, which root may make.
hubward_scenario(bad_disk TIMEOUT 900)
