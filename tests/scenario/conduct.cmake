# How the gateway behaves towards what it is given: messages, files, frames, commands, other clients.
hubward_scenario(one_bad_message TIMEOUT 900)
hubward_scenario(hanging_name_server TIMEOUT 900)
hubward_scenario(bad_input TIMEOUT 900)
hubward_scenario(commands TIMEOUT 900)
hubward_scenario(status_and_logs TIMEOUT 900)
# The first run fetches the SDKs from the npm registry.
hubward_scenario(change_places TIMEOUT 900)
hubward_scenario(technician TIMEOUT 900)
hubward_scenario(broker_rules TIMEOUT 300)
hubward_scenario(mqtt_devices TIMEOUT 900)
hubward_scenario(onboarding TIMEOUT 600)
hubward_scenario(one_off TIMEOUT 900)
hubward_scenario(installed TIMEOUT 120)
