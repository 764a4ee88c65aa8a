# What networks do to connections: through a proxy that spoils them, and in network namespaces.
hubward_scenario(bad_network TIMEOUT 900)
hubward_scenario(southbound_network TIMEOUT 900)
hubward_scenario(names TIMEOUT 900)
hubward_scenario(no_route TIMEOUT 900)
hubward_scenario(many_devices TIMEOUT 900)
