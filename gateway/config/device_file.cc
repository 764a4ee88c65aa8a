#include "gateway/config/device_file.h"

#include "gateway/config/gateway_file.h"
#include "gateway/config/value_types.h"

namespace hubward::config {
namespace {

using modbus::ByteOrder;
using modbus::ValueType;
using modbus::WordOrder;

Codec<std::string> host() { return text(1, 255, "^[^ /]+$", "a host name or address"); }

template <class T>
void add_line(Record<T>& r) {
  r.required("port", &T::port, text(2, 4096, "^/", "a path such as \"/dev/serial/by-id/...\""),
             "the path of the serial port; one from /dev/serial/by-id survives a restart");
  r.required("baud", &T::baud, integer_as<std::uint32_t>(300, 4000000),
             "the line speed in bits a second, e.g. 9600 or 19200");
}

template <class T>
void add_line_options(Record<T>& r) {
  r.optional("stop_bits", &T::stop_bits, integer_as<std::uint8_t>(1, 2), "1 or 2");
  r.optional("rs485", &T::rs485, boolean(),
             "true if the port's driver switches the direction of an RS-485 line");
}

Codec<Parity> parity() {
  return choice<Parity>({{"none", Parity::None}, {"even", Parity::Even}, {"odd", Parity::Odd}});
}

template <class T>
void add_response_timeout(Record<T>& r) {
  r.optional("response_timeout_ms", &T::response_timeout, milliseconds(10, 60000),
             "how long the device may take to begin its answer");
}

// What a device is asked at once.
template <class T>
void add_unit_limits(Record<T>& r) {
  add_response_timeout(r);
  r.optional("registers_max", &T::registers_max,
             integer_as<std::uint16_t>(1, modbus::kReadRegistersMax),
             "the most registers that the device lets be read in one request");
  r.optional("bits_max", &T::bits_max, integer_as<std::uint16_t>(1, modbus::kReadBitsMax),
             "the most coils or discrete inputs in one request");
  r.optional("gap_max", &T::gap_max, integer_as<std::uint16_t>(0, modbus::kReadRegistersMax),
             "how many registers that no tag wants are read to save a request; left out for what "
             "the line's speed and the device's answer times make worth while");
  r.optional("unreadable", &T::unreadable,
             list_of(text(6, 24, "^(coil|discrete|input|holding):[0-9]{1,5}(-[0-9]{1,5})?$",
                          "\"holding:100\" or \"holding:100-119\""),
                     0, 256),
             "addresses that must not be read, not even between two tags");
  r.optional("function_23", &T::has_function_23, boolean(),
             "true: the device has function 23 (Read/Write Multiple Registers), and a write with "
             "\"verify\" is one request instead of two");
}

Codec<ModbusTcpFields> modbus_tcp() {
  Record<ModbusTcpFields> r("modbus_tcp", "a Modbus device on the network");
  r.required("host", &ModbusTcpFields::host, host(), "the device's name or address");
  r.optional("port", &ModbusTcpFields::port, integer_as<std::uint16_t>(1, 65535), "the TCP port");
  r.optional("unit_id", &ModbusTcpFields::unit_id, integer_as<std::uint8_t>(0, 255),
             "the unit id; matters behind a gateway to RTU devices. 0 is the device itself: Modbus "
             "TCP has no broadcast");
  add_unit_limits(r);
  r.optional(
      "requests_in_flight", &ModbusTcpFields::requests_in_flight, integer_as<std::uint8_t>(1, 16),
      "how many requests the device takes at a time; more than 1 only if its manual says so");
  return r.codec();
}

Codec<ModbusRtuFields> modbus_rtu() {
  Record<ModbusRtuFields> r("modbus_rtu", "a Modbus device on a serial line");
  add_line(r);
  r.required("parity", &ModbusRtuFields::parity, parity(),
             "\"even\" (Modbus' own default), \"none\" or \"odd\", as the device is set");
  add_line_options(r);
  // Modbus over Serial Line V1.02, section 2.2: 0 is broadcast, 248 to 255 are reserved.
  r.required("unit_id", &ModbusRtuFields::unit_id, integer_as<std::uint8_t>(1, 247),
             "the device's address on the line");
  add_unit_limits(r);
  return r.codec();
}

Codec<ModbusRtuTcpFields> modbus_rtu_tcp() {
  Record<ModbusRtuTcpFields> r("modbus_rtu_tcp",
                               "a Modbus RTU device behind a serial-to-network converter that "
                               "passes its frames on as they are");
  r.required("host", &ModbusRtuTcpFields::host, host(), "the converter's name or address");
  r.required("port", &ModbusRtuTcpFields::tcp_port, integer_as<std::uint16_t>(1, 65535),
             "the converter's TCP port");
  r.optional("baud", &ModbusRtuTcpFields::baud, integer_as<std::uint32_t>(300, 4000000),
             "the speed of the line behind the converter, for the times that are allowed for");
  r.required("unit_id", &ModbusRtuTcpFields::unit_id, integer_as<std::uint8_t>(1, 247),
             "the device's address on the line");
  add_unit_limits(r);
  return r.codec();
}

Codec<SerialFields> serial() {
  Record<SerialFields> r("serial", "a device on a serial port that speaks lines or frames");
  add_line(r);
  r.optional("data_bits", &SerialFields::data_bits, integer_as<std::uint8_t>(7, 8), "7 or 8");
  r.optional("parity", &SerialFields::parity, parity(), "\"none\", \"even\" or \"odd\"");
  add_line_options(r);
  add_serial_protocol(r);
  return r.codec();
}

Codec<SerialTcpFields> serial_tcp() {
  Record<SerialTcpFields> r(
      "serial_tcp",
      "a device that speaks lines or frames behind a serial-to-network converter, or by itself");
  r.required("host", &SerialTcpFields::host, host(), "the converter's name or address");
  r.required("port", &SerialTcpFields::tcp_port, integer_as<std::uint16_t>(1, 65535),
             "the converter's TCP port");
  // Not "baud": that of a model need not be the converter's, and there may be no line behind it.
  r.optional("line_baud", &SerialTcpFields::line_baud, integer_as<std::uint32_t>(300, 4000000),
             "the speed of the serial line behind the converter, so that hubward check can weigh "
             "its requests; without it their times are known once they have been measured");
  add_serial_protocol(r);
  return r.codec();
}

Codec<AttachFields> attach() {
  Record<AttachFields> r("attach", "where and how the device is attached");
  r.optional("modbus_tcp", &AttachFields::modbus_tcp, modbus_tcp(), "Modbus TCP");
  r.optional("modbus_rtu", &AttachFields::modbus_rtu, modbus_rtu(), "Modbus RTU on a serial line");
  r.optional("modbus_rtu_tcp", &AttachFields::modbus_rtu_tcp, modbus_rtu_tcp(),
             "Modbus RTU behind a serial-to-network converter");
  r.optional("serial", &AttachFields::serial, serial(), "lines or frames on a serial port");
  r.optional("serial_tcp", &AttachFields::serial_tcp, serial_tcp(),
             "lines or frames behind a serial-to-network converter");
  r.optional("mqtt", &AttachFields::mqtt, mqtt_codec(), "the local MQTT broker");
  r.exactly_one();
  return r.codec();
}

Codec<DeviceOutboxFields> device_outbox() {
  Record<DeviceOutboxFields> r("device_outbox", "how this device's readings are kept and sent");
  r.optional(
      "bytes_max", &DeviceOutboxFields::bytes_max,
      integer(std::int64_t{1} << 16, std::int64_t{1} << 40),
      "the most bytes of this device's readings that are kept, within the store's own limit");
  r.optional("age_max_h", &DeviceOutboxFields::age_max_h, integer(1, 87600),
             "the most hours a reading of this device is kept, if the store's own limit is not "
             "shorter");
  r.optional("order", &DeviceOutboxFields::order, send_order(),
             "as \"order\" in gateway.json, for this device");
  r.optional("fresh_share_percent", &DeviceOutboxFields::fresh_share_percent, fresh_share(),
             "as \"fresh_share_percent\" in gateway.json, for this device");
  return r.codec();
}

void add_common(Record<TagFields>& r) {
  // DTDL v2, "name": letters, digits and underscores, at most 64, no underscore at either end.
  const auto word = [] {
    return text(1, 64, "^[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?$",
                "letters, digits and _, beginning with a letter and not ending with _");
  };
  r.required("name", &TagFields::name, word(), "its name in the cloud, as in the device's model");
  r.optional("as", &TagFields::as,
             choice<TagDescription::As>({{"telemetry", TagDescription::As::Telemetry},
                                         {"property", TagDescription::As::Property}}),
             "\"telemetry\" is sent with every reading, \"property\" is reported when it changes");
  r.optional("component", &TagFields::component, word(),
             "the component of the model it belongs to; left out for the root");
  r.optional("unit", &TagFields::unit, text(0, 32, "text"), "its unit, shown on the page");
  r.optional(
      "priority", &TagFields::priority,
      choice<Priority>(
          {{"low", Priority::Low}, {"normal", Priority::Normal}, {"alarm", Priority::Alarm}}),
      "what may be lost first when the store is full: low before normal before alarm");
  r.optional(
      "report", &TagFields::on_change,
      choice<bool>({{"every_reading", false}, {"on_change", true}}),
      "which readings are sent: each, or those that differ from the one sent last, and every "
      "change between good and bad");
  r.optional("dead_band", &TagFields::dead_band, number(0, kAnyNumber),
             "with \"on_change\": what a number must differ by, and more, in its unit");
  r.optional("dead_band_percent", &TagFields::dead_band_percent, number(0, 1000),
             "with \"on_change\": the same in percent of the value sent last; with both, it must "
             "exceed both");
  r.optional("silence_max_s", &TagFields::silence_max, seconds(1, 604800),
             "with \"on_change\": the longest time without a message of this tag; then its next "
             "reading is sent, changed or not");
}

void add_scale(Record<TagFields>& r) {
  r.optional("scale", &TagFields::scale, number(-kAnyNumber, kAnyNumber),
             "value = raw number x scale + offset");
  r.optional("offset", &TagFields::offset, number(-kAnyNumber, kAnyNumber), "added after scaling");
}

void add_write_limits(Record<TagFields>& r, const std::string& writable) {
  r.optional("writable", &TagFields::writable, boolean(), writable);
  r.optional("min", &TagFields::min, number(-kAnyNumber, kAnyNumber),
             "the least value the cloud may write, after scaling");
  r.optional("max", &TagFields::max, number(-kAnyNumber, kAnyNumber),
             "the greatest value the cloud may write, after scaling");
  r.optional(
      "no_replay_s", &TagFields::no_replay, seconds(0, 604800),
      "a desired value that was set while the device was away from the cloud for longer than "
      "this is not written but answered with a refusal; also after a start of hubward");
}

// How the value stands in the registers, up to scale and offset.
void add_value_format(Record<TagFields>& r) {
  r.required("type", &TagFields::modbus_type,
             choice<ValueType>({kValueTypes.begin(), kValueTypes.end()}),
             "how the raw value is stored: bool, an integer, a floating-point number, decimal "
             "digits (bcd16, bcd32) or text");
  r.optional(
      "word_order", &TagFields::word_order,
      choice<WordOrder>({{"high_first", WordOrder::HighFirst}, {"low_first", WordOrder::LowFirst}}),
      "which register of a value of several registers comes first");
  r.optional(
      "byte_order", &TagFields::register_byte_order,
      choice<ByteOrder>({{"high_first", ByteOrder::HighFirst}, {"low_first", ByteOrder::LowFirst}}),
      "which byte of a register comes first; \"high_first\" is the standard's");
  r.optional("half", &TagFields::high_half, choice<bool>({{"low", false}, {"high", true}}),
             "int8 and uint8: which half of the register");
  r.optional("bit", &TagFields::register_bit, integer_as<std::uint8_t>(0, 15),
             "bool: the bit of the register, 0 is the lowest; left out, any bit counts. int16 and "
             "uint16 with \"bit_count\": the lowest bit of theirs");
  r.optional("bit_count", &TagFields::bit_count, integer_as<std::uint8_t>(1, 15),
             "int16 and uint16: of how many bits, beginning at \"bit\"");
  r.optional("length", &TagFields::length, integer_as<std::uint16_t>(1, modbus::kTextBytesMax),
             "text: of how many bytes at most; two stand in a register");
  r.optional("bad_raw", &TagFields::bad_raw,
             list_of(text(1, 20, "^(0x[0-9A-Fa-f]{1,16}|-?[0-9]{1,19})$",
                          "a raw number such as \"0x8000\" or \"-32768\""),
                     1, 16),
             "raw numbers that stand for \"no value\": the reading is bad then");
  r.optional("names", &TagFields::names,
             map_of(text(1, 128, "1 to 128 characters"), 1, 256, "^(0|-?[1-9][0-9]{0,17})$",
                    "a raw number"),
             "bool and integers: a text for each raw number, which is then the value: "
             "{\"0\": \"off\", \"1\": \"running\"}");
  r.optional("unnamed", &TagFields::unnamed_is_bad, choice<bool>({{"text", false}, {"bad", true}}),
             "with \"names\": what a number without a name becomes, a text of its digits or a bad "
             "reading");
}

Codec<TagFields> modbus_tag() {
  Record<TagFields> r("modbus_tag", "a value of a Modbus device");
  add_common(r);
  r.required("address", &TagFields::address,
             text(6, 14, "^((coil|discrete|input|holding):[0-9]{1,5}|manual:[0-9]{5,6})$",
                  "\"holding:12\" (coil, discrete, input or holding, and the address on the wire, "
                  "which begins at 0) or \"manual:40013\" (the number printed in a manual, which "
                  "begins at 1)"),
             "\"holding:12\" for the address on the wire (begins at 0; coil, discrete, input or "
             "holding), or \"manual:40013\" for the same register as manuals number it");
  add_value_format(r);
  add_scale(r);
  r.optional("clamp_min", &TagFields::clamp_min, number(-kAnyNumber, kAnyNumber),
             "readings below become this, after scaling");
  r.optional("clamp_max", &TagFields::clamp_max, number(-kAnyNumber, kAnyNumber),
             "readings above become this, after scaling");
  r.optional("decimals", &TagFields::decimals, integer_as<std::uint8_t>(0, 12),
             "digits after the point that readings are rounded to");
  r.optional("interval_ms", &TagFields::interval, milliseconds(20, 86400000),
             "how often it is read");
  add_write_limits(r, "true lets the cloud write it; needs a coil or a holding register");
  r.optional("verify", &TagFields::verify, boolean(),
             "true reads back what was written, and says so in the answer to a command");
  r.optional(
      "pulse_ms", &TagFields::pulse, milliseconds(50, 3600000),
      "bool: a true that was written becomes false again after this time, also if the "
      "connection was lost in between, and at once when hubward is stopped before, if the device "
      "answers within a second. If hubward is killed or the power fails, it stays true");
  r.optional("broadcast", &TagFields::broadcast, boolean(),
             "true: a write goes to all units on the serial line (unit id 0) at once; none of them "
             "answers, so that it is reported as sent and never as written. It is read from this "
             "device alone");
  return r.codec();
}

Codec<TagFields> serial_tag() {
  Record<TagFields> r("serial_tag", "a value in a line or frame");
  add_common(r);
  add_serial_tag(r);
  add_scale(r);
  add_write_limits(r, "true lets the cloud write it; needs \"write\"");
  return r.codec();
}

Codec<TagFields> mqtt_tag() {
  Record<TagFields> r("mqtt_tag", "a value in an MQTT message");
  add_common(r);
  r.optional("pointer", &TagFields::pointer, json_pointer(),
             "where it stands in a JSON message (or in the sample, with \"each\"), as a JSON "
             "Pointer such as \"/sensors/0/value\"; \"\" is the whole of it");
  add_places(r);
  r.optional(
      "type", &TagFields::mqtt_type, serial_type_codec(),
      "how a text is read: number, integer, text, hex, boolean or degrees_minutes; with "
      "\"byte\" uint8 ... bcd32. Left out, a JSON value stays what it is, and any other text "
      "is a number");
  add_number_form(r);
  add_scale(r);
  r.optional("in_topic", &TagFields::named, text(1, 255, "^[^/+#]+$", "a name without /, + and #"),
             "what it is called where {tag} stands in the topic, or as a member of \"each\"; its "
             "name if left out");
  r.optional("component_in_topic", &TagFields::component_named,
             text(1, 255, "^[^/+#]+$", "a name without /, + and #"),
             "the same of its component, for {component}; the component's name if left out");
  add_write_limits(r, "true lets the cloud write it; needs a \"write_topic\"");
  r.optional("write_topic", &TagFields::write_topic, text(1, 1024, "a topic without + and #"),
             "the topic a write is published to; {device} stands for the device's name there");
  r.optional("write_payload", &TagFields::write_payload, text(1, 4096, "text"),
             "what is published: {value} stands for the value as JSON, {text} for the same without "
             "quotes, {id} for what the answer repeats; \"{value}\" if left out");
  return r.codec();
}

Codec<std::vector<TagFields>> tags() {
  const auto modbus = list_of(modbus_tag(), 1, kTagsMax);
  const auto lines = list_of(serial_tag(), 1, kTagsMax);
  return selected_by<std::vector<TagFields>>("attach",
                                             {{"modbus_tcp", modbus},
                                              {"modbus_rtu", modbus},
                                              {"modbus_rtu_tcp", modbus},
                                              {"serial", lines},
                                              {"serial_tcp", lines},
                                              {"mqtt", list_of(mqtt_tag(), 1, kTagsMax)}});
}

}  // namespace

const Record<DeviceFile>& device_record() {
  static const Record<DeviceFile> record = [] {
    Record<DeviceFile> r("device", "one attached device");
    r.optional("$schema", &DeviceFile::schema, text(0, 4096, "text"),
               "the path of the schema, for editors");
    r.required("version", &DeviceFile::version, integer(1, 1), "1, the version of this format");
    // What DPS, IoT Hub and IoT Central all take: reference section 2.5.
    r.required("id", &DeviceFile::id,
               text(1, 64, "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
                    "1 to 64 lower-case letters, digits and dashes, with no dash at either end"),
               "its registration id, by which the cloud knows it");
    r.optional("name", &DeviceFile::name, text(1, 128, "1 to 128 characters"),
               "its name for people; the id if left out");
    r.optional("model", &DeviceFile::model,
               text(1, 64, "^[A-Za-z0-9][A-Za-z0-9_.-]*$", "the name of a device model"),
               "the name of a device model, from DIR/models or ready-made: the file says only what "
               "differs from it");
    r.optional("model_id", &DeviceFile::model_id,
               text(1, 128, "^dtmi:[A-Za-z][A-Za-z0-9_:]*;[1-9][0-9]*$",
                    "a model id such as \"dtmi:acme:press;1\""),
               "the id of its IoT Plug and Play model");
    r.required("enrollment", &DeviceFile::enrollment, text(1, 64, "the name of an enrollment"),
               "the name of an enrollment in gateway.json");
    r.optional("key", &DeviceFile::key, secret_record().codec(),
               "the device's own key: that of its individual enrollment, or the one derived for it "
               "from the group's key");
    r.optional("secondary_key", &DeviceFile::secondary_key, secret_record().codec(),
               "the device's second key, tried when the first is refused");
    r.optional(
        "connect_first", &DeviceFile::connect_first, boolean(),
        "true: connects before the others when many wait, because somebody sends it commands");
    r.optional(
        "expected_messages_per_minute", &DeviceFile::expected_messages_per_minute, number(0, 60000),
        "how many messages a device that sends by itself (serial, MQTT) is expected to make; "
        "only for hubward check, which compares the site with the hub's daily quota");
    r.required("attach", &DeviceFile::attach, attach(), "where and how the device is attached");
    r.optional("outbox", &DeviceFile::outbox, device_outbox(),
               "how this device's readings are kept and sent");
    r.required("tags", &DeviceFile::tags, tags(), "the list of its values");
    return r;
  }();
  return record;
}

std::string attach_kind(const AttachFields& attach) {
  if (attach.modbus_tcp) return "modbus_tcp";
  if (attach.modbus_rtu) return "modbus_rtu";
  if (attach.modbus_rtu_tcp) return "modbus_rtu_tcp";
  if (attach.serial) return "serial";
  if (attach.serial_tcp) return "serial_tcp";
  return attach.mqtt ? "mqtt" : "";
}

}  // namespace hubward::config
