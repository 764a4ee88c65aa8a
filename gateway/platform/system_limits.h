// Limits of the process that must be set before its first thread starts.
#pragma once

#include <cstddef>

namespace hubward::platform {

// A C library waits 5 s twice for each name server, by default. Sets RES_OPTIONS to 2 s, twice, so
// that a lookup ends while somebody still wants its answer; leaves an operator's own value alone.
void bound_name_lookups();

// Raises the soft limit of open files to the hard one and returns it. A hub link takes one.
std::size_t raise_descriptor_limit();

// Keeps keys out of core dumps.
void forbid_core_dumps();

// One heap for all threads instead of one each: what one of them frees, all of them use, and
// nothing stays behind in the heap of a thread that was busy once. They rarely allocate at the same
// moment.
void share_one_heap();

// Gives back to the system what the allocator keeps of memory that was freed: after a busy hour (an
// outage, a failover of all devices) the process is as small again as it was. Everybody
// who allocates waits meanwhile: 1 to 2 ms for every 100 MB, 5 ms if a third of it was freed.
void return_freed_memory();

}  // namespace hubward::platform
