hubward_fuzz_target(mqtt_packet SOURCE mqtt_packet.cc LIBRARIES hubward::proto_mqtt)
hubward_fuzz_target(mqtt_payload SOURCE mqtt_payload.cc LIBRARIES hubward::adapter_mqtt)
hubward_fuzz_target(mqtt_session SOURCE mqtt_session.cc LIBRARIES hubward::proto_mqtt)
