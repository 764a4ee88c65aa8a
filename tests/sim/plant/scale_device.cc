#include "tests/sim/plant/scale_device.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "tests/sim/plant/modbus_fault.h"

namespace hubward::plant {
namespace {

// A reader that has just opened the port may still flush its input; the scale speaks after that.
constexpr std::chrono::milliseconds kReaderSettles{300};
constexpr std::chrono::milliseconds kLook{5};
constexpr double kLinesPerSecondMax = 200;

}  // namespace

ScaleDevice::ScaleDevice(std::string id, std::filesystem::path link, double lines_per_s,
                         Sequence first_sequence)
    : id_(std::move(id)),
      pty_(std::move(link)),
      moved_(SteadyClock::now()),
      next_line_(moved_),
      lines_per_s_(lines_per_s),
      next_sequence_(first_sequence) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

ScaleDevice::~ScaleDevice() { shut_down(); }

void ScaleDevice::shut_down() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void ScaleDevice::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto now = SteadyClock::now();
    look_for_reader(now);
    const bool listening = had_reader_ && now >= reader_since_ + kReaderSettles;
    if (now >= next_line_) {
      const auto interval = std::chrono::duration<double>(1 / lines_per_s_);
      next_line_ =
          std::max(now, next_line_) + std::chrono::duration_cast<SteadyClock::duration>(interval);
      if (running_ && listening) say_line(now);
    }
    wake_.wait_for(lock, stop, kLook, [] { return false; });
  }
  if (had_reader_) unconfirmed_.peer_left(SteadyClock::now(), log);
}

void ScaleDevice::look_for_reader(SteadyClock::time_point now) {
  const bool left = pty_.reader_left();
  const bool reader = pty_.has_reader();
  if (had_reader_ && (left || !reader)) {
    unconfirmed_.peer_left(now, log);
    half_line_open_ = false;  // the half went with the reader's buffer
    if (!reader) pty_.forget_reader();
    had_reader_ = false;
  }
  if (reader && !had_reader_) reader_since_ = now;
  had_reader_ = reader;
  pty_.discard_input();  // a scale that only speaks ignores what it is told
}

bool ScaleDevice::put(std::string_view text) {
  const ssize_t n = ::write(pty_.wire(), text.data(), text.size());
  if (n == static_cast<ssize_t>(text.size())) return true;
  ++not_taken_;
  if (n > 0) half_line_open_ = true;
  return false;
}

void ScaleDevice::say_line(SteadyClock::time_point now) {
  model_.advance(std::chrono::duration<double>(now - moved_).count());
  moved_ = now;
  const Sequence number = next_sequence_++;
  const std::string line = model_.line(number);
  if (half_lines_ > 0) {
    --half_lines_;
    ++bad_lines_;
    log.spoiled(number);
    if (put(std::string_view(line).substr(0, line.size() / 2))) half_line_open_ = true;
    return;
  }
  const bool spoiled = std::exchange(half_line_open_, false);
  ++lines_;
  if (!put(line + "\r\n") || spoiled) {
    log.spoiled(number);
    return;
  }
  log.sent(number);
  unconfirmed_.sent(number, now);
}

void ScaleDevice::start() {
  const std::scoped_lock lock(mutex_);
  running_ = true;
}

void ScaleDevice::stop() {
  const std::scoped_lock lock(mutex_);
  running_ = false;
}

Status ScaleDevice::inject(const json::Value& order) {
  const auto kind = json::as_string(json::find(order, "kind")).value_or("");
  const auto count = json::as_int(json::find(order, "count")).value_or(1);
  if (count < 1 || count > 10'000) return refused("\"count\" must be 1 to 10000");
  const std::scoped_lock lock(mutex_);
  if (kind == "half_line") {
    half_lines_ += static_cast<std::uint32_t>(count);
    return {};
  }
  std::string bad;
  if (kind == "garbage") {
    bad = "\x07\xfe\xc3\x28\xff\x80 \x01\x02\r\n";
    bad.insert(3, 1, '\0');
  } else if (kind == "overlong") {
    bad = std::string(3'500, 'A') + "\r\n";  // under the 4,096 bytes that a terminal buffers
  } else if (kind == "no_match") {
    bad = "ERR 07 LOAD CELL\r\n";
  } else if (kind == "bad_number") {
    bad = "ST,GS,+ 99999999999999999999e999.9.9kg,#00000000\r\n";
  } else {
    return refused("\"kind\" must be one of: half_line overlong garbage no_match bad_number");
  }
  if (!pty_.has_reader()) return refused("nobody has the line open");
  for (std::int64_t i = 0; i < count; ++i) {
    if (!put(bad)) return refused("the line took no more bytes");
    half_line_open_ = false;  // what the bad line was glued to ends here
    ++bad_lines_;
  }
  return {};
}

void ScaleDevice::heal() {
  const std::scoped_lock lock(mutex_);
  half_lines_ = 0;
}

Status ScaleDevice::send(const json::Value& order) {
  std::string bytes(json::as_string(json::find(order, "text")).value_or(""));
  if (const auto hex = json::as_string(json::find(order, "hex"))) {
    const auto raw = from_hex(*hex);
    if (!raw) return refused("\"hex\" must be pairs of hexadecimal digits");
    for (const std::byte byte : *raw) bytes.push_back(static_cast<char>(byte));
  }
  if (bytes.empty()) return refused("give \"text\" or \"hex\"");
  const std::scoped_lock lock(mutex_);
  if (!pty_.has_reader()) return refused("nobody has the line open");
  if (!put(bytes)) return refused("the line took no more bytes");
  half_line_open_ = bytes.back() != '\n';
  return {};
}

Status ScaleDevice::plug(bool in) {
  const std::scoped_lock lock(mutex_);
  if (!in) {
    pty_.unplug();
  } else if (!pty_.plug_in()) {
    return refused("no pseudo-terminal could be opened");
  }
  return {};
}

Status ScaleDevice::set_rate(double samples_per_s) {
  if (!(samples_per_s > 0 && samples_per_s <= kLinesPerSecondMax)) {
    return refused("a scale says more than 0 and at most 200 lines a second");
  }
  const std::scoped_lock lock(mutex_);
  lines_per_s_ = samples_per_s;
  next_line_ = SteadyClock::now();
  return {};
}

void ScaleDevice::describe(json::Writer& writer) const {
  writer.Key("path");
  writer.String(std::filesystem::absolute(pty_.link()).string());
  writer.Key("baud");
  writer.Int(9600);
  writer.Key("line");
  writer.String(ScaleModel().line(123));
}

void ScaleDevice::write_counters(json::Writer& writer) const {
  const std::scoped_lock lock(mutex_);
  writer.Key("lines");
  writer.Uint64(lines_);
  writer.Key("bad_lines");
  writer.Uint64(bad_lines_);
  writer.Key("not_taken");
  writer.Uint64(not_taken_);
  writer.Key("reader");
  writer.Bool(had_reader_);
}

void ScaleDevice::write_values(json::Writer& writer) {
  const std::scoped_lock lock(mutex_);
  writer.StartObject();
  writer.Key("weight_kg");
  writer.Double(model_.weight_kg());
  writer.Key("stable");
  writer.Bool(model_.is_stable());
  writer.EndObject();
}

void ScaleDevice::write_writes(json::Writer& writer) const {
  writer.StartArray();
  writer.EndArray();
}

}  // namespace hubward::plant
