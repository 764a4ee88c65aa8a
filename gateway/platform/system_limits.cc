#include "gateway/platform/system_limits.h"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdlib>

namespace hubward::platform {

void bound_name_lookups() { setenv("RES_OPTIONS", "timeout:2 attempts:2", 0); }

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return before;
  return limit.rlim_cur;
}

void forbid_core_dumps() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
}

void share_one_heap() { mallopt(M_ARENA_MAX, 1); }

void return_freed_memory() { malloc_trim(0); }

}  // namespace hubward::platform
