hubward_fuzz_target(config SOURCE config.cc LIBRARIES hubward::config)
