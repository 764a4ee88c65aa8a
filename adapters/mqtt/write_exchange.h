// Writes to MQTT devices, from the publish to the device's word on what became of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/mqtt/json_place.h"
#include "adapters/mqtt/settings.h"
#include "gateway/api/broker_link.h"
#include "gateway/api/southbound.h"

namespace hubward::mqtt {

// What a write's publish carries, with its placeholders filled in.
[[nodiscard]] std::string fill_in(std::string_view payload_template, const TagValue& value,
                                  const std::string& id);

// Whether two values mean the same, e.g. 1 and 1.0.
[[nodiscard]] bool is_same_value(const TagValue& one, const TagValue& other);

// A device with an answer topic says itself what it did. Of any other the write counts as done when
// the tag comes with the value that was written; else nobody knows. Never done by default: that the
// broker has it says nothing of the device.
//
// Pure and single-threaded; time is passed in. Every write is answered once.
class WriteExchange {
 public:
  // Writes that wait for their device at the same time; commands are few.
  static constexpr std::size_t kWaitingMax = 1000;
  // By so much a device's time may be behind ours, or cut to whole seconds.
  static constexpr std::chrono::seconds kDeviceClockSlack{2};
  static constexpr std::chrono::milliseconds kNotSentKnownBefore{100};

  struct Begun {
    std::string id;
    BrokerPublish publish;
  };

  // `tag` names how it is written. It and `device` outlive the exchange. Nothing: it was refused,
  // and answered.
  [[nodiscard]] std::optional<Begun> begin(const DeviceSettings& device, const TagSettings& tag,
                                           WriteRequest request, WriteDone done, SteadyTime now,
                                           WallTime wall);
  // What became of the publish. Not taken: it may have got through or not, unless `was_sent` is
  // false.
  void on_published(const std::string& id, const Result<BrokerTook>& taken, bool was_sent);
  // A message on the device's answer topic. It names its write by the correlation data that MQTT 5
  // has for it, or by the id in its payload. False: it answers no write of this device.
  bool on_answer(const DeviceSettings& device, const BrokerMessage& message);
  // `measured`: by the device's word. What it measured before a write, and the broker kept
  // meanwhile, says nothing of that write.
  void on_readings(DeviceIndex device, const std::vector<TagReading>& readings,
                   std::optional<WallTime> measured);
  void on_timer(SteadyTime now);
  [[nodiscard]] std::optional<SteadyTime> deadline() const;
  void stop();

 private:
  struct Waiting {
    const DeviceSettings* device;
    const TagSettings* tag;
    WriteRequest request;
    WriteDone done;
    SteadyTime until;
    WallTime begun;
    bool nobody_listens = false;  // by the broker's word
  };
  using Writes = std::map<std::string, Waiting>;
  void finish(Writes::iterator write, WriteResult result);

  Writes waiting_;  // by id
  std::uint64_t last_id_ = 0;
};

}  // namespace hubward::mqtt
