hubward_fuzz_target(mqtt_packet SOURCE mqtt_packet.cc LIBRARIES hubward::proto_mqtt)
