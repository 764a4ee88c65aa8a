#include "gateway/cli/colour.h"

#include <unistd.h>

#include <cstdlib>

namespace hubward::cli {

bool colour_wanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  return (no_colour == nullptr || *no_colour == '\0') && ::isatty(STDOUT_FILENO) == 1;
}

}  // namespace hubward::cli
