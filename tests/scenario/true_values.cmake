# No wrong value from the Modbus adapter on real pseudo-terminals and sockets.
add_executable(modbus_true_values
  ${CMAKE_CURRENT_LIST_DIR}/true_values/main.cc
  ${CMAKE_CURRENT_LIST_DIR}/true_values/spoiled_devices.cc
  ${CMAKE_CURRENT_LIST_DIR}/true_values/spoiled_endpoint.cc
  ${CMAKE_CURRENT_LIST_DIR}/true_values/spoiled_line.cc
  ${CMAKE_CURRENT_LIST_DIR}/true_values/witness.cc)
target_include_directories(modbus_true_values PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(modbus_true_values PRIVATE
  hubward::adapter_modbus hubward::platform hubward::sim_plant Threads::Threads util)
add_test(NAME modbus_true_values COMMAND modbus_true_values)
set_tests_properties(modbus_true_values PROPERTIES LABELS scenario TIMEOUT 1800)
