# How the gateway behaves towards what it is given: messages, files, frames, commands, other clients.
hubward_scenario(one_bad_message TIMEOUT 150)
hubward_scenario(hanging_name_server TIMEOUT 240)
