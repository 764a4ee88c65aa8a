#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "adapters/modbus/bus_adapter.h"
#include "gateway/control/answers.h"
#include "gateway/control/plant_write.h"
#include "gateway/modbus_alone.h"
#include "gateway/platform/asio_loop.h"
#include "gateway/platform/asio_streams.h"
#include "gateway/platform/resolver.h"
#include "gateway/platform/signals.h"
#include "gateway/platform/system_clock.h"
#include "gateway/platform/system_limits.h"

namespace hubward {
namespace {

// Time to open the port and to be answered.
constexpr std::chrono::seconds kWriteMax{12};
// A pulse must end: it is tried so often, a second apart.
constexpr int kPulseEndsMax = 10;
constexpr std::chrono::seconds kPulseRetry{1};
// The tag itself is read no more than once.
constexpr std::chrono::hours kSeldom{24};

class NoReadings final : public ReadingSink {
 public:
  void deliver(ReadingBatch, Stored) override {}
  void field_state(DeviceIndex, FieldState) override {}
  void bad_input(BadInput) override {}
};

// The line with that one device, and of it that one tag; nothing if it hangs on none.
std::optional<modbus::BusSettings> line_of(const config::SiteSettings& site, DeviceIndex index,
                                           TagIndex wanted) {
  for (const auto& bus : site.modbus_buses) {
    for (const auto& device : bus.devices) {
      if (device.device != index) continue;
      modbus::BusSettings one{bus.attachment, {device}};
      auto& tags = one.devices[0].tags;
      std::erase_if(tags, [&](const modbus::TagSettings& tag) { return tag.tag != wanted; });
      for (auto& tag : tags) tag.interval = kSeldom;
      return one;
    }
  }
  return std::nullopt;
}

// One write, and the end of its pulse, on a loop of its own.
class OneWrite {
 public:
  OneWrite(modbus::BusSettings line, DeviceIndex device, control::PlannedWrite planned)
      : device_(device),
        planned_(std::move(planned)),
        pulse_(take_pulse(line)),
        bus_(std::move(line), streams_, loop_) {}

  WriteResult run() {
    // Nobody else would end it.
    if (pulse_) signals_.emplace(loop_, [this](int) { hurry(); });
    loop_.post([this] {
      if (auto started = bus_.start(sink_); !started) {
        return finish({WriteResult::Outcome::Refused, started.error().code, started.error().context,
                       std::nullopt});
      }
      write(planned_.value, [this](WriteResult result) { written(std::move(result)); });
    });
    loop_.run();
    bus_.stop();
    return result_;
  }

 private:
  // What ends by itself in a gateway that goes on is ended here by a second write.
  static std::optional<std::chrono::milliseconds> take_pulse(modbus::BusSettings& line) {
    auto& tags = line.devices[0].tags;
    return tags.empty() ? std::nullopt : std::exchange(tags[0].pulse, std::nullopt);
  }

  void write(const TagValue& value, WriteDone done) {
    bus_.write({device_, planned_.tag, value, clock_.steady() + kWriteMax}, std::move(done));
  }

  void written(WriteResult result) {
    const bool may_be_on = result.outcome == WriteResult::Outcome::Written ||
                           result.outcome == WriteResult::Outcome::Unknown;
    const bool off =
        planned_.value == TagValue(false) || planned_.value == TagValue(std::int64_t{0});
    if (!pulse_ || !may_be_on || off) return finish(std::move(result));
    result_ = std::move(result);
    if (hurries_) return end_pulse();
    pulse_end_ = loop_.call_at(clock_.steady() + *pulse_, [this] { end_pulse(); });
    pulse_is_on_ = true;
  }

  // Somebody wants us gone: the pulse ends now rather than never.
  void hurry() {
    hurries_ = true;
    if (!std::exchange(pulse_is_on_, false)) return;
    loop_.cancel(pulse_end_);
    end_pulse();
  }

  void end_pulse() {
    pulse_is_on_ = false;
    write(false, [this](const WriteResult& ended) {
      if (ended.outcome == WriteResult::Outcome::Written) {
        result_.detail +=
            (result_.detail.empty() ? "" : "; ") +
            std::string(hurries_ ? "the pulse was ended early" : "the pulse has ended");
        return finish(std::move(result_));
      }
      if (--pulse_ends_left_ > 0) {
        loop_.call_at(clock_.steady() + kPulseRetry, [this] { end_pulse(); });
        return;
      }
      finish({WriteResult::Outcome::Unknown, ErrorCode::WriteOutcomeUnknown,
              "it was written, and the end of its pulse was not confirmed: " + ended.detail,
              std::nullopt});
    });
  }

  void finish(WriteResult result) {
    result_ = std::move(result);
    loop_.stop();
  }

  platform::SystemClock clock_;
  platform::AsioLoop loop_{clock_};
  platform::Resolver resolver_;
  platform::AsioStreams streams_{resolver_};
  NoReadings sink_;
  const DeviceIndex device_;
  const control::PlannedWrite planned_;
  const std::optional<std::chrono::milliseconds> pulse_;
  modbus::BusAdapter bus_;
  std::optional<platform::Signals> signals_;
  TimerId pulse_end_;
  bool pulse_is_on_ = false;  // and waits for its end
  bool hurries_ = false;
  int pulse_ends_left_ = kPulseEndsMax;
  WriteResult result_{};
};

}  // namespace

std::string write_alone(const config::SiteSettings& site, const std::string& request) {
  const auto document = json::parse(request);
  if (!document) return control::error_json("not JSON");
  const auto id = json::as_string(json::find(*document, "device"));
  const auto device = std::ranges::find(site.devices, id.value_or(""), &DeviceDescription::id);
  if (device == site.devices.end()) return control::error_json("there is no such device");
  const DeviceIndex index{static_cast<std::uint32_t>(device - site.devices.begin())};
  auto planned = control::plan_write(*device, *document);
  if (!planned) return control::write_json(planned.error());
  auto line = line_of(site, index, planned->tag);
  if (!line) {
    return control::error_json("no gateway runs, and only it writes to what is not Modbus");
  }
  platform::bound_name_lookups();
  return control::write_json(OneWrite(std::move(*line), index, std::move(*planned)).run());
}

}  // namespace hubward
