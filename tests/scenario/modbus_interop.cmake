# Our Modbus codec as the client of libmodbus, pymodbus and modbus-serial, and as the server of libmodbus,
# mbpoll and pymodbus. The first run fetches modbus-serial from the npm registry.
pkg_check_modules(LIBMODBUS REQUIRED IMPORTED_TARGET libmodbus)
add_executable(modbus_interop
  ${CMAKE_CURRENT_LIST_DIR}/modbus_interop.cc ${CMAKE_CURRENT_LIST_DIR}/modbus_interop_served.cc)
target_include_directories(modbus_interop PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(modbus_interop PRIVATE
  hubward_doctest_main hubward::proto_modbus PkgConfig::LIBMODBUS Threads::Threads util)
set(modbus_peers ${PROJECT_SOURCE_DIR}/tests/sim/modbus_peers)
# Debian's own python3 has Debian's pymodbus.
target_compile_definitions(modbus_interop PRIVATE
  HUBWARD_MODBUS_PEERS="${modbus_peers}"
  HUBWARD_LIBMODBUS_SERVER="$<TARGET_FILE:libmodbus_server>"
  HUBWARD_PYMODBUS_SERVER="/usr/bin/python3 ${modbus_peers}/pymodbus_server.py"
  HUBWARD_PYMODBUS_CLIENT="/usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/modbus_interop_pymodbus.py")
add_dependencies(modbus_interop libmodbus_server)
add_test(NAME modbus_interop COMMAND modbus_interop)
set_tests_properties(modbus_interop PROPERTIES LABELS "interop;scenario" TIMEOUT 300)

# The command line and the running gateway against the same servers.
hubward_scenario(modbus_peers TIMEOUT 600)

# Clients of others against the simulated plant's servers.
add_test(NAME scenario_plant_clients
  COMMAND /usr/bin/python3 ${CMAKE_CURRENT_LIST_DIR}/plant_clients.py)
set_tests_properties(scenario_plant_clients PROPERTIES
  LABELS "interop;scenario" TIMEOUT 120 SKIP_RETURN_CODE 77
  ENVIRONMENT "HUBWARD_BUILD=${PROJECT_BINARY_DIR}")
