# Our Modbus codec against libmodbus as the server, mbpoll and pymodbus as clients.
pkg_check_modules(LIBMODBUS REQUIRED IMPORTED_TARGET libmodbus)
add_executable(modbus_interop ${CMAKE_CURRENT_LIST_DIR}/modbus_interop.cc)
target_include_directories(modbus_interop PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(modbus_interop PRIVATE
  hubward_doctest_main hubward::proto_modbus PkgConfig::LIBMODBUS Threads::Threads util)
# Debian's own python3 has Debian's pymodbus.
target_compile_definitions(modbus_interop PRIVATE
  HUBWARD_PYMODBUS_CLIENT="/usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/modbus_interop_pymodbus.py")
add_test(NAME modbus_interop COMMAND modbus_interop)
set_tests_properties(modbus_interop PROPERTIES LABELS "interop;scenario" TIMEOUT 120)
