// What every program that stands in for the world outside does with its process.
#pragma once

namespace hubward::simnet {

// As many open files as the system allows (thousands of devices, one or two descriptors each); a
// peer that goes away is no signal; SIGTERM and SIGINT ask to stop.
void prepare_server_process();

[[nodiscard]] bool stop_asked();

}  // namespace hubward::simnet
