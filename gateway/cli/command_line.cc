#include "gateway/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

namespace hubward::cli {
namespace {

void add_folder(CLI::App& verb, std::string& folder) {
  verb.add_option("--config", folder, "Folder with gateway.json and devices.d")
      ->option_text("DIR (" + folder + ")");
}

void add_target(CLI::App& verb, ModbusTarget& at) {
  verb.add_option("--device", at.device, "Where and which: as this device of the configuration");
  verb.add_option("--tcp", at.tcp, "Where: a Modbus TCP endpoint")->option_text("HOST[:PORT]");
  verb.add_option("--rtu", at.rtu,
                  "Where: a serial port, or a converter that passes RTU frames on as they are")
      ->option_text("PORT|HOST:PORT");
  verb.footer(
      "A line that the running gateway uses is asked through it, between its own requests; any\n"
      "other is opened for this one command. Which of the two it was is said on standard error.");
  verb.add_option("--baud", at.baud, "With --rtu (19200)")->option_text("N");
  verb.add_option("--parity", at.parity, "With --rtu (even)")
      ->option_text("even|none|odd")
      ->check(CLI::IsMember({"even", "none", "odd"}));
  verb.add_option("--stop-bits", at.stop_bits, "With --rtu (1)")
      ->option_text("1|2")
      ->check(CLI::Range(1, 2));
  verb.add_option("--unit", at.unit, "The unit id (1); on a serial line 0 is all, for writes")
      ->option_text("N")
      ->check(CLI::Range(0, 255));
  verb.add_option("--timeout-ms", at.timeout_ms, "How long an answer may take (1000)")
      ->option_text("N")
      ->check(CLI::Range(10, 60000));
  add_folder(verb, at.folder);
}

// The options that say how a value stands in its registers.
template <class Command>
void add_format(CLI::App& verb, Command& command) {
  verb.add_option("--type", command.type,
                  "As in the configuration (that of the tag there, or uint16)")
      ->option_text("TYPE");
  verb.add_flag("--words-low-first", command.words_low_first, "As \"word_order\": \"low_first\"");
  verb.add_flag("--bytes-low-first", command.bytes_low_first, "As \"byte_order\": \"low_first\"");
}

// How far the verbs were understood, what is wrong behind them, and where more stands.
std::string mistake(const CLI::App& app, const CLI::ParseError& error,
                    const std::vector<std::string>& arguments) {
  const CLI::App* at = &app;
  std::string verbs = "hubward";
  for (const std::string& word : arguments) {
    const CLI::App* next = nullptr;
    std::string known;
    for (const CLI::App* one : at->get_subcommands([](const CLI::App*) { return true; })) {
      if (one->get_name() == word) next = one;
      known += (known.empty() ? "" : ", ") + one->get_name();
    }
    if (next == nullptr) {
      if (known.empty() || word.starts_with('-')) break;
      return verbs + ": there is no command \"" + word + "\"; there are " + known + "\n";
    }
    at = next;
    verbs += " " + at->get_name();
  }
  std::string what = error.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr &&
      at->get_option_no_throw("--config") != nullptr) {
    what += " (a folder is named with --config)";
  }
  return verbs + ": " + what + "\n" + verbs + " --help says more\n";
}

}  // namespace

std::variant<Command, Outcome> parse_command_line(const std::vector<std::string>& arguments) {
  CLI::App app("hubward: gives field devices a connection of their own to Azure IoT.", "hubward");
  app.require_subcommand(1);

  Run run;
  auto* run_verb = app.add_subcommand("run", "Run the gateway until it is told to stop");
  add_folder(*run_verb, run.folder);

  Check check;
  auto* check_verb =
      app.add_subcommand("check", "Show everything that is wrong with a configuration");
  add_folder(*check_verb, check.folder);
  check_verb->add_flag("--json", check.json, "For programs");

  Schema schema;
  auto* schema_verb = app.add_subcommand("schema", "Print the JSON Schema of a configuration file");
  schema_verb->add_option("file", schema.kind, "gateway or device")
      ->required()
      ->option_text("gateway|device")
      ->transform(CLI::CheckedTransformer(std::map<std::string, config::FileKind>{
          {"gateway", config::FileKind::Gateway}, {"device", config::FileKind::Device}}));
  schema_verb->add_flag("--markdown", schema.markdown, "The same for people");

  Plan plan;
  auto* plan_verb = app.add_subcommand(
      "plan", "Show what a Modbus device is asked, and whether its line can carry it");
  plan_verb->add_option("device", plan.device, "The device's id")->required();
  add_folder(*plan_verb, plan.folder);

  ShowStatus status;
  auto* status_verb = app.add_subcommand("status", "Show the devices of the running gateway");
  add_folder(*status_verb, status.folder);
  status_verb
      ->add_option("--state", status.state_folder,
                   "State folder of the gateway, instead of --config")
      ->option_text("DIR")
      ->excludes("--config");
  status_verb->add_flag("--json", status.json, "For programs");

  Maintenance maintenance;
  auto* maintenance_verb = app.add_subcommand(
      "maintenance", "Pause all writes to the plant while somebody works on a machine");
  maintenance_verb->add_option("wish", maintenance.wish, "on, off, or nothing to be told")
      ->option_text("[on|off]")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Maintenance::Wish>{
          {"on", Maintenance::Wish::On}, {"off", Maintenance::Wish::Off}}));
  add_folder(*maintenance_verb, maintenance.folder);

  ExportQuarantine quarantine;
  auto* quarantine_verb = app.add_subcommand(
      "quarantine", "Print the messages that were set aside, one JSON object a line");
  quarantine_verb
      ->add_option("--remove-up-to", quarantine.remove_up_to,
                   "Remove those printed with a \"place\" up to this one, after they were saved")
      ->option_text("PLACE");
  add_folder(*quarantine_verb, quarantine.folder);

  auto* failures_verb = app.add_subcommand(
      "failures", "Print what can go wrong on the way to the cloud, and what is done about it");
  Why why;
  auto* why_verb = app.add_subcommand(
      "why", "Say step by step why a device is not online, and what must be done");
  why_verb->add_option("device", why.device, "The device's id")->required();
  add_folder(*why_verb, why.folder);
  why_verb->add_flag("--json", why.json, "For programs");

  DrillFailover drill;
  auto* drill_verb = app.add_subcommand("drill", "Rehearse what shall work when it is needed");
  drill_verb->require_subcommand(1);
  auto* failover_verb = drill_verb->add_subcommand(
      "failover", "Drop a device's link, provision it anew, and show what arrived");
  failover_verb->add_option("device", drill.device, "The device's id")->required();
  add_folder(*failover_verb, drill.folder);
  failover_verb->add_flag("--json", drill.json, "For programs");

  Onboard onboard;
  auto* onboard_verb = app.add_subcommand(
      "onboard", "Devices of the broker that no file knows: list, approve, refuse");
  onboard_verb->require_subcommand(1);
  auto* newcomers_verb = onboard_verb->add_subcommand("list", "Show who waits to be approved");
  add_folder(*newcomers_verb, onboard.folder);
  newcomers_verb->add_flag("--json", onboard.json, "For programs");
  auto* approve_verb = onboard_verb->add_subcommand(
      "approve", "Write a file for the device, from its rule's model, and start it");
  approve_verb->add_option("name", onboard.name, "Its name in the topic")->required();
  approve_verb->add_option("--id", onboard.id, "Its id in the cloud, if that is not its name")
      ->option_text("ID");
  add_folder(*approve_verb, onboard.folder);
  auto* refuse_verb =
      onboard_verb->add_subcommand("refuse", "Do not hear it any more, until somebody approves it");
  refuse_verb->add_option("name", onboard.name, "Its name in the topic")->required();
  add_folder(*refuse_verb, onboard.folder);

  SerialListen listen;
  auto* serial_verb = app.add_subcommand("serial", "Look at serial lines");
  serial_verb->require_subcommand(1);
  auto* listen_verb = serial_verb->add_subcommand(
      "listen", "Show what comes on a port that no gateway uses, as bytes and as frames");
  listen_verb->add_option("port", listen.port, "/dev/serial/by-id/..., or HOST:PORT")->required();
  listen_verb->add_option("--baud", listen.line.baud, "Line speed, 9600 if left out");
  listen_verb->add_option("--data-bits", listen.line.data_bits, "7 or 8")->check(CLI::Range(7, 8));
  listen_verb->add_option("--stop-bits", listen.line.stop_bits, "1 or 2")->check(CLI::Range(1, 2));
  listen_verb->add_option("--parity", listen.line.parity, "none, even or odd")
      ->option_text("none|even|odd")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Parity>{
          {"none", Parity::None}, {"even", Parity::Even}, {"odd", Parity::Odd}}));
  auto* start =
      listen_verb->add_option("--start", listen.start, "Bytes that begin a frame, e.g. '\\x02'");
  auto* end =
      listen_verb->add_option("--end", listen.end, "Bytes that end it, '\\r\\n' if left out");
  auto* behind = listen_verb->add_option("--bytes-after-end", listen.bytes_after_end,
                                         "Bytes of a check behind it");
  behind->check(CLI::Range(0, 16));
  auto* fixed = listen_verb->add_option("--fixed", listen.fixed, "Frames of so many bytes");
  fixed->check(CLI::Range(1, 65536));
  auto* gap =
      listen_verb->add_option("--gap-ms", listen.gap_ms, "Frames between silences of so long");
  gap->check(CLI::Range(2, 10000))->excludes(fixed);
  auto* length = listen_verb->add_option(
      "--length", listen.length, "Frames that say how long they are, e.g. offset=1,width=2,add=2");
  length->option_text("KEY=VALUE,...")->excludes(fixed)->excludes(gap);
  auto* stuffed = listen_verb->add_option(
      "--stuffed", listen.stuffed,
      "Frames with escapes, DLE STX ... DLE ETX, or e.g. marks_escaped=false");
  stuffed->option_text("[KEY=VALUE,...]")
      ->expected(0, 1)
      ->excludes(fixed)
      ->excludes(gap)
      ->excludes(length);
  for (auto* other : {start, end, behind}) {  // keys of theirs, where they have them
    length->excludes(other);
    stuffed->excludes(other);
  }
  listen_verb
      ->add_option("--check", listen.check,
                   "Their checksum, e.g. xor or crc16_modbus,byte_order=low_first")
      ->option_text("TYPE[,KEY=VALUE,...]");
  listen_verb
      ->add_option("--send", listen.send,
                   "Send this once first, to a device that speaks only when asked, e.g. 'SI\\r\\n'")
      ->option_text("TEXT");
  listen_verb->footer(
      "The keys of --length, --stuffed and --check are those of \"framing\" and \"check\" in a "
      "device's "
      "file:\nhubward schema device --markdown");

  constexpr const char* kAddress =
      "holding:12 (on the wire, from 0), manual:40013 (from 1), or with --device the name of a tag";
  ReadOnce read;
  auto* read_verb = app.add_subcommand("read", "Read registers of a Modbus device once");
  read_verb->add_option("address", read.address, kAddress)->required();
  read_verb->add_option("--count", read.count, "How many values")
      ->option_text("N")
      ->check(CLI::Range(1, 125));
  add_format(*read_verb, read);
  std::string as;
  read_verb->add_option("--as", as, "all: the registers as everything they could be")
      ->option_text("all")
      ->check(CLI::IsMember({"all"}));
  add_target(*read_verb, read.at);

  WriteOnce write;
  auto* write_verb =
      app.add_subcommand("write", "Write a value to a tag, or to a register of a Modbus device");
  write_verb->add_option("address", write.address, kAddress)->required();
  write_verb->add_option("value", write.value, "A number, true, false or a text")->required();
  add_format(*write_verb, write);
  auto* unlisted = write_verb->add_flag(
      "--unlisted", write.unlisted,
      "Write a register although no writable tag covers it: nothing is checked");
  write_verb
      ->add_flag("--without-config", write.without_config,
                 "With --unlisted: also where the configuration has errors, so that nobody "
                 "knows which tag it is")
      ->needs(unlisted);
  add_target(*write_verb, write.at);

  Scan scan;
  auto* scan_verb = app.add_subcommand("scan", "Look which Modbus units answer, and what they are");
  scan_verb
      ->add_option(
          "where", scan.where,
          "tcp://HOST[:PORT], the path of a serial port, or rtu://HOST:PORT for a converter "
          "that passes RTU frames on as they are")
      ->required();
  scan_verb->add_option("--units", scan.units, "Which unit ids (1-247)")->option_text("1-20,33");
  auto* bauds = scan_verb->add_option("--bauds", scan.bauds, "On a serial port (9600,19200,115200)")
                    ->option_text("LIST");
  auto* parities =
      scan_verb->add_option("--parities", scan.parities, "On a serial port (even,none,odd)")
          ->option_text("LIST");
  scan_verb->add_option("--timeout-ms", scan.timeout_ms, "How long an answer may take (300)")
      ->option_text("N")
      ->check(CLI::Range(10, 60000));

  add_folder(*scan_verb, scan.folder);

  ImportTags import;
  auto* import_verb = app.add_subcommand("import", "Take over what other tools know");
  import_verb->require_subcommand(1);
  auto* tags_verb = import_verb->add_subcommand(
      "tags", "Print the \"tags\" of a Modbus device's file, made of a table (CSV)");
  tags_verb->add_option("file", import.file, "A table whose first row names the columns")
      ->required();
  tags_verb
      ->add_option("--interval-ms", import.interval_ms,
                   "How often tags without a column for it are read")
      ->option_text("N")
      ->check(CLI::Range(20, 86400000));
  tags_verb->add_flag("--take-access", import.take_access,
                      "Mark as writable what a column like \"Client Access\" says may be written");
  tags_verb->footer(
      "Columns: name, address, type, scale, offset, unit, interval_ms, writable, min, max, and "
      "every\n"
      "other key of a tag; also as Kepware and Neuron call them (Tag Name, Data Type, Scan Rate, "
      "Raw\n"
      "Low, ...), in any case and order. Between fields: comma, semicolon or tab; numbers with a\n"
      "decimal point or comma. Addresses: holding:12 (on the wire, from 0), manual:40013, 40013 "
      "or\n"
      "400013 (as manuals number them, from 1), with .5 for a bit and .10H for a text of 10 "
      "bytes.\n"
      "Nothing is printed on standard output while a single row is wrong; all of them are named.");

  auto* version_verb = app.add_subcommand("version", "Print the version");

  try {
    // The library takes the arguments from the back.
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    const bool help = app.exit(error, out, err) == 0;
    if (help) return Outcome{kExitFine, out.str(), ""};
    return Outcome{kExitMisuse, "", mistake(app, error, arguments)};
  }
  if (run_verb->parsed()) return run;
  if (check_verb->parsed()) return check;
  if (schema_verb->parsed()) return schema;
  if (plan_verb->parsed()) return plan;
  if (status_verb->parsed()) return status;
  if (maintenance_verb->parsed()) return maintenance;
  if (quarantine_verb->parsed()) return quarantine;
  if (failures_verb->parsed()) return ExplainFailures{};
  if (why_verb->parsed()) return why;
  if (failover_verb->parsed()) return drill;
  if (onboard_verb->parsed()) {
    if (approve_verb->parsed()) onboard.wish = Onboard::Wish::Approve;
    if (refuse_verb->parsed()) onboard.wish = Onboard::Wish::Refuse;
    return onboard;
  }
  if (listen_verb->parsed()) return listen;
  if (read_verb->parsed()) {
    read.as_all = as == "all";
    return read;
  }
  if (write_verb->parsed()) return write;
  if (scan_verb->parsed()) {
    const bool network = scan.where.find("://") != std::string::npos;
    if (network && (bauds->count() > 0 || parities->count() > 0)) {
      return Outcome{kExitMisuse, "",
                     "hubward scan: --bauds and --parities are for a serial port\n"};
    }
    return scan;
  }
  if (tags_verb->parsed()) return import;
  if (version_verb->parsed()) return Version{};
  return Outcome{kExitMisuse, "", app.help()};
}

}  // namespace hubward::cli
