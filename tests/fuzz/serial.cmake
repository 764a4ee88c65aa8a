hubward_fuzz_target(serial_lines SOURCE serial_lines.cc LIBRARIES hubward::adapter_serial)
hubward_fuzz_target(serial_frames SOURCE serial_frames.cc LIBRARIES hubward::proto_serial)
