# Everything that DPS and a hub can send us.
hubward_fuzz_target(dps_reply SOURCE dps_reply.cc LIBRARIES hubward::proto_dps)
hubward_fuzz_target(hub_topic SOURCE hub_topic.cc LIBRARIES hubward::proto_hub)
hubward_fuzz_target(hub_desired SOURCE hub_desired.cc LIBRARIES hubward::proto_hub)
