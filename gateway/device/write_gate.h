#pragma once

namespace hubward::device {

// Maintenance mode: while it is closed no command and no desired property reaches the plant. Shared
// by all devices of a loop; read and changed on that loop.
struct WriteGate {
  bool paused = false;
};

}  // namespace hubward::device
