#include "tests/sim/net/server_process.h"

#include <sys/resource.h>

#include <csignal>

namespace hubward::simnet {
namespace {

volatile std::sig_atomic_t asked = 0;

void ask_to_stop(int) { asked = 1; }

}  // namespace

void prepare_server_process() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGTERM, ask_to_stop);
  std::signal(SIGINT, ask_to_stop);
}

bool stop_asked() { return asked != 0; }

}  // namespace hubward::simnet
