#include "adapters/serial/line_device.h"

#include <utility>

#include "adapters/serial/command_value.h"

namespace hubward::serial {
namespace {

tl::unexpected<Error> bad_config(std::string why) {
  return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, std::move(why));
}

Status compile(const std::string& pattern, std::optional<LinePattern>& into) {
  if (pattern.empty()) return {};
  auto compiled = LinePattern::compile(pattern);
  if (!compiled) return tl::unexpected(compiled.error());
  into.emplace(std::move(*compiled));
  return {};
}

}  // namespace

Result<std::unique_ptr<LineDevice>> LineDevice::make(DeviceSettings settings) {
  if (std::string problem = framing_problem(settings.frames); !problem.empty()) {
    return bad_config(std::move(problem));
  }
  auto extractor = FrameExtractor::make(settings);
  if (!extractor) return tl::unexpected(extractor.error());
  std::unique_ptr<LineDevice> device(new LineDevice(std::move(settings), std::move(*extractor)));
  const auto& check = device->settings_.frames.check;
  for (const RequestSettings& request : device->settings_.requests) {
    const auto command = CommandTemplate::parse(request.send);
    if (!command) return tl::unexpected(command.error());
    if (command->takes_value()) return bad_config("a request holds no {value}");
    if (command->takes_check() && !check) return bad_config("there is no check for {check}");
    device->requests_.push_back(command->bytes("", check ? &*check : nullptr));
    if (device->requests_.back().empty()) return bad_config("a request is empty");
  }
  for (const TagSettings& tag : device->settings_.tags) {
    if (!tag.write) continue;
    if (const Status added = device->add_write(tag); !added) return tl::unexpected(added.error());
  }
  return device;
}

Status LineDevice::add_write(const TagSettings& tag) {
  auto send = CommandTemplate::parse(tag.write->send);
  if (!send) return tl::unexpected(send.error());
  if (send->takes_check() && !settings_.frames.check) {
    return bad_config("there is no check for {check}");
  }
  Write write{tag, std::move(*send), std::nullopt, std::nullopt};
  if (const Status done = compile(tag.write->confirmed, write.confirmed); !done) return done;
  if (const Status done = compile(tag.write->refused, write.refused); !done) return done;
  writes_.push_back(std::move(write));
  return {};
}

Result<LineDevice::Command> LineDevice::command(TagIndex tag, const TagValue& value) {
  for (Write& write : writes_) {
    if (write.settings.tag != tag) continue;
    std::string text;
    if (write.send.takes_value()) {
      auto written = command_value(write.settings, value);
      if (!written) return tl::unexpected(written.error());
      text = std::move(*written);
    } else if (!is_order(value)) {
      return failure(ErrorCode::BadValue, ErrorKind::Permanent,
                     "this command takes no value; write true to give it");
    }
    const auto& check = settings_.frames.check;
    return Command{write.send.bytes(text, check ? &*check : nullptr),
                   write.confirmed ? &*write.confirmed : nullptr,
                   write.refused ? &*write.refused : nullptr,
                   write.settings.write->timeout.value_or(settings_.response_timeout)};
  }
  return failure(ErrorCode::NotWritable, ErrorKind::Permanent,
                 "the device's file says no command for it");
}

}  // namespace hubward::serial
