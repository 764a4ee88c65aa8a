hubward_fuzz_target(config SOURCE config.cc LIBRARIES hubward::config)
hubward_fuzz_target(tag_csv SOURCE tag_csv.cc LIBRARIES hubward::config)
