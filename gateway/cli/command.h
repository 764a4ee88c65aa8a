// What the command line asks for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "gateway/api/byte_stream.h"
#include "gateway/config/schema.h"

namespace hubward::cli {

// sysexits' EX_CONFIG, so that systemd's RestartPreventExitStatus=78 ends a crash loop.
inline constexpr int kExitFine = 0;
inline constexpr int kExitProblems = 1;
inline constexpr int kExitMisuse = 2;
inline constexpr int kExitNotReached = 3;  // status: no gateway runs there
inline constexpr int kExitBadConfiguration = 78;

inline constexpr const char* kDefaultFolder = "/etc/hubward";

struct Run {
  std::string folder = kDefaultFolder;
};
struct Check {
  std::string folder = kDefaultFolder;
  bool json = false;
};
struct Schema {
  config::FileKind kind = config::FileKind::Gateway;
  bool markdown = false;
};
struct ShowStatus {
  std::string folder = kDefaultFolder;
  std::string state_folder;  // empty: as the configuration in `folder` says
  bool json = false;
};
// Pauses or allows all writes to the plant, or tells which it is.
struct Maintenance {
  enum class Wish : std::uint8_t { Tell, On, Off } wish = Wish::Tell;
  std::string folder = kDefaultFolder;
};
// Prints the messages that were set aside, one JSON object a line.
struct ExportQuarantine {
  std::string folder = kDefaultFolder;
  // Removes instead of printing: what was printed with a "place" up to this one.
  std::optional<std::int64_t> remove_up_to{};
};
// Says step by step why a device is not online.
struct Why {
  std::string device;  // its id
  std::string folder = kDefaultFolder;
  bool json = false;
};
// What a Modbus device is asked, and what its line can carry.
struct Plan {
  std::string device;
  std::string folder = kDefaultFolder;
};
// Rehearses the failover of one device.
struct DrillFailover {
  std::string device;
  std::string folder = kDefaultFolder;
  bool json = false;
};
// Devices that no file knows: who waits, and somebody's yes or no.
struct Onboard {
  enum class Wish : std::uint8_t { List, Approve, Refuse } wish = Wish::List;
  std::string name;  // in its topic
  std::string id;    // approve: its id in the cloud, if that is not its name
  std::string folder = kDefaultFolder;
  bool json = false;
};
// Shows what comes on a serial line, as bytes and as frames.
struct SerialListen {
  std::string port;  // a path, or HOST:PORT
  SerialSettings line;
  // Texts of bytes with escapes. Without any of these: lines that end with CR LF.
  std::string start{};
  std::string end = "\\r\\n";
  std::size_t bytes_after_end = 0;
  std::size_t fixed = 0;  // 0: not of one length
  unsigned gap_ms = 0;    // 0: not apart by silences
  std::string send{};     // once, when the port is open; with escapes
  // With the keys of a device's file: config/frame_words.h.
  std::optional<std::string> length{}, stuffed{}, check{};
};
// Where a Modbus device is: one of the first three.
struct ModbusTarget {
  std::string device;  // its id in the configuration
  std::string tcp;     // host or host:port
  std::string rtu;     // path of a serial port
  std::uint32_t baud = 19200;
  std::string parity = "even";  // Modbus' own default
  std::uint8_t stop_bits = 1;
  std::uint8_t unit = 1;
  std::uint32_t timeout_ms = 1000;
  std::string folder = kDefaultFolder;
};
// Reads registers once: through the running gateway if the line is one of its own, else over a
// connection of its own.
struct ReadOnce {
  std::string address;  // as in the configuration, or with --device the name of a tag
  std::uint16_t count = 1;
  std::string type;     // empty: as the tag there, else uint16
  bool as_all = false;  // the lens
  bool words_low_first = false;
  bool bytes_low_first = false;
  ModbusTarget at;
};
// Writes a value once: to a writable tag as its configuration says, to anything else only when
// `unlisted` says that this is meant.
struct WriteOnce {
  std::string address;
  std::string value;
  std::string type;
  bool words_low_first = false;
  bool bytes_low_first = false;
  bool unlisted = false;
  bool without_config = false;  // also where it has errors, so that nobody knows what is listed
  ModbusTarget at;
};
// Looks which units answer.
struct Scan {
  std::string where;  // tcp://host:port or a path
  std::string units = "1-247";
  std::string bauds = "9600,19200,115200";
  std::string parities = "even,none,odd";
  std::uint32_t timeout_ms = 300;
  std::string folder = kDefaultFolder;
};
// Makes the "tags" of a Modbus device's file out of a table.
struct ImportTags {
  std::string file;
  std::uint32_t interval_ms = 0;  // of tags without one; 0: as the configuration's default
  bool take_access = false;
};
// Every failure on the way to the cloud: how it is seen, what it means, what is done.
struct ExplainFailures {};
struct Version {};

using Command = std::variant<Run, Check, Schema, Plan, ShowStatus, Why, DrillFailover, Maintenance,
                             Onboard, ExportQuarantine, SerialListen, ReadOnce, WriteOnce, Scan,
                             ImportTags, ExplainFailures, Version>;

// What a command has to say, and the status to exit with.
struct Outcome {
  int status = kExitFine;
  std::string out;  // for standard output
  std::string err;  // for standard error
};

}  // namespace hubward::cli
