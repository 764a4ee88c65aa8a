hubward_fuzz_target(serial_lines SOURCE serial_lines.cc LIBRARIES hubward::adapter_serial)
