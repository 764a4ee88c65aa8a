// One device as its configuration file describes it, without how it is attached: that is the
// adapter's part (adapters/<kind>/settings.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/api/outbox.h"
#include "gateway/api/reading.h"

namespace hubward {

// When a reading is told to the cloud.
struct ReportRule {
  bool on_change = false;  // else each reading is
  // What a number must differ by, more than both: in its unit, and in percent of the value told
  // last.
  double dead_band = 0;
  double dead_band_percent = 0;
  std::optional<std::chrono::seconds> silence_max{};  // told again after that, changed or not
};

struct TagDescription {
  std::string name;       // telemetry name at the cloud; matches the device's model
  std::string component;  // empty: default component
  std::string unit;       // shown on the page
  bool writable = false;  // by desired property or command; off unless the file says so
  std::optional<double> write_min;
  std::optional<double> write_max;
  // A desired value that may be older than this when the device connects is not written.
  std::optional<std::chrono::seconds> wish_age_max{};
  Priority priority = Priority::Normal;
  // Telemetry is sent as `report` says; a property is reported when its value changes.
  enum class As : std::uint8_t { Telemetry, Property } as = As::Telemetry;
  ReportRule report{};
  bool only_written = false;  // a command: the device never says a value of it
};

struct DeviceDescription {
  std::string id;                    // registration id: [a-z0-9-], at most 64 characters
  std::string display_name;          // for people; the id if the file has none
  std::string model_id;              // DTMI; may be empty
  std::string enrollment;            // name of an enrollment in gateway.json
  std::string attached_to;           // in words for the page: "Modbus TCP 10.0.0.5:502, unit 1"
  std::string kind;                  // "modbus-tcp", "modbus-rtu", "serial", "mqtt"
  std::vector<TagDescription> tags;  // TagIndex is the place in here
  SendOrder order = SendOrder::Strict;
  unsigned fresh_share_percent = 80;  // of what is sent while old and new messages wait; 1 to 99
  // Connects before others when many wait, because somebody sends it commands.
  bool connect_first = false;
  // What its user expects of a device that sends by itself: for the comparison with quotas only.
  std::optional<double> expected_messages_per_minute = std::nullopt;
};

}  // namespace hubward
