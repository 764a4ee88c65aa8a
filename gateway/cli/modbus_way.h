// How a command reaches Modbus equipment: through the running gateway, on the line that it uses, or
// over a connection of its own.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "gateway/cli/perform.h"
#include "gateway/config/site_settings.h"
#include "proto/modbus/ask.h"

namespace hubward::cli {

struct ModbusWay {
  modbus::Attachment attachment;  // for a connection of our own
  std::string socket;             // of the gateway whose line it is; empty: a connection of our own
  std::string line;               // its place
  std::string speed;              // "19200 baud, parity even"; empty for TCP
  std::string words;              // which way it is, for people
};

// Asks the gateway of `folder` whether the line is one of its own. The error's context is a
// sentence.
[[nodiscard]] Result<ModbusWay> find_way(const modbus::Attachment& attachment,
                                         const std::string& folder, const Surroundings& world);

struct AskOptions {
  std::chrono::milliseconds answer_time{1000};
  std::string writes{};  // what is written, for the gateway's log; empty: only reads
  HeardModbus heard{};
};
// One answer for each request, also for those that `heard` names. CommandExpired: the gateway's
// line had no moment for it.
[[nodiscard]] std::vector<Result<modbus::Answer>> ask_over(const ModbusWay& way,
                                                           const std::vector<modbus::Ask>& asks,
                                                           const AskOptions& options,
                                                           const Surroundings& world);

// "10.0.0.5:502", "[::1]:502" or the path of the port: as the gateway names its lines.
[[nodiscard]] std::string place_words(const modbus::Attachment& attachment);
// Also of a port with several names.
[[nodiscard]] bool is_same_place(const modbus::Attachment& a, const modbus::Attachment& b);

}  // namespace hubward::cli
