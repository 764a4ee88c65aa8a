// What every simulated device can do for the control server. All calls come from its threads;
// each device runs on a thread of its own.
#pragma once

#include <string>
#include <string_view>

#include "proto/json.h"
#include "tests/sim/plant/sent_log.h"

namespace hubward::plant {

class Device {
 public:
  virtual ~Device() = default;

  [[nodiscard]] virtual std::string_view id() const = 0;
  [[nodiscard]] virtual std::string_view kind() const = 0;
  // Members of this device in plant.json: where it can be reached.
  virtual void describe(json::Writer& writer) const = 0;
  // Members beyond those of SentLog in GET /counts: requests seen, messages waiting and the like.
  virtual void write_counters(json::Writer& writer) const = 0;
  // Current values, for GET /registers.
  virtual void write_values(json::Writer& writer) = 0;
  // Writes that reached the device, oldest first, for GET /writes.
  virtual void write_writes(json::Writer& writer) const = 0;

  virtual void start() = 0;
  // Says nothing more and answers nothing. A stopped TCP device also closes its port.
  virtual void stop() = 0;
  // Orders bad behaviour; see README.md for the kinds.
  virtual Status inject(const json::Value& order) = 0;
  // Ends all ordered bad behaviour.
  virtual void heal() = 0;
  // Puts these bytes on the line, or this payload on the broker, now.
  virtual Status send(const json::Value& order) = 0;
  // Takes the serial adapter out of the machine, or puts it back. Others refuse.
  virtual Status plug(bool in) = 0;
  // Samples a second; devices that are polled refuse.
  virtual Status set_rate(double samples_per_s) = 0;
  virtual void shut_down() = 0;

  SentLog log;
};

inline tl::unexpected<Error> refused(std::string why) {
  return failure(ErrorCode::BadValue, ErrorKind::Permanent, std::move(why));
}

}  // namespace hubward::plant
