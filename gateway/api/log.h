// One line per change of state: `warn device=press-07 event=hub_disconnected reason="..."`.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace hubward {

enum class LogLevel : std::uint8_t { Debug, Info, Warn, Error };

struct LogField {
  std::string_view key;
  std::string value;  // foreign text; quoted and escaped by the log
};

// Safe from any thread. Never given keys, signatures or whole payloads.
class Log {
 public:
  virtual ~Log() = default;
  virtual void write(LogLevel level, std::string_view event,
                     std::initializer_list<LogField> fields) = 0;
};

}  // namespace hubward
