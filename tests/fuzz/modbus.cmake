hubward_fuzz_target(modbus_pdu SOURCE modbus_pdu.cc LIBRARIES hubward::proto_modbus)
hubward_fuzz_target(modbus_value SOURCE modbus_value.cc LIBRARIES hubward::proto_modbus)
hubward_fuzz_target(modbus_tcp SOURCE modbus_tcp.cc LIBRARIES hubward::adapter_modbus)
hubward_fuzz_target(modbus_rtu SOURCE modbus_rtu.cc LIBRARIES hubward::adapter_modbus)
