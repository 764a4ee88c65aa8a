#include "gateway/cli/lens.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>

#include "gateway/cli/value_text.h"
#include "proto/modbus/value.h"

namespace hubward::cli {
namespace {

using modbus::ByteOrder;
using modbus::ValueFormat;
using modbus::ValueType;
using modbus::WordOrder;

constexpr std::size_t kTypeWidth = 10;
constexpr std::size_t kOrderWidth = 28;
constexpr std::size_t kValueWidth = 24;
constexpr std::uint16_t kTextBytes = 16;

struct Order {
  const char* name;
  WordOrder words;
  ByteOrder bytes;
};
constexpr std::array<Order, 4> kOrders{{
    {"ABCD", WordOrder::HighFirst, ByteOrder::HighFirst},
    {"CDAB word_order low_first", WordOrder::LowFirst, ByteOrder::HighFirst},
    {"BADC byte_order low_first", WordOrder::HighFirst, ByteOrder::LowFirst},
    {"DCBA both low_first", WordOrder::LowFirst, ByteOrder::LowFirst},
}};

struct Named {
  const char* name;
  ValueType type;
};
constexpr std::array<Named, 3> kOneRegister{
    {{"uint16", ValueType::Uint16}, {"int16", ValueType::Int16}, {"bcd16", ValueType::Bcd16}}};
constexpr std::array<Named, 9> kSeveral{{{"uint32", ValueType::Uint32},
                                         {"int32", ValueType::Int32},
                                         {"float32", ValueType::Float32},
                                         {"bcd32", ValueType::Bcd32},
                                         {"uint48", ValueType::Uint48},
                                         {"int48", ValueType::Int48},
                                         {"uint64", ValueType::Uint64},
                                         {"int64", ValueType::Int64},
                                         {"float64", ValueType::Float64}}};

std::string padded(std::string text, std::size_t width) {
  if (text.size() > width - 1) text = text.substr(0, width - 2) + "~";
  text.resize(width, ' ');
  return text;
}

// As most manuals count it: from 1, the table in front.
std::string manual_number(const config::RegisterAddress& place) {
  const char table = place.table == modbus::Table::Coil            ? '0'
                     : place.table == modbus::Table::DiscreteInput ? '1'
                     : place.table == modbus::Table::InputRegister ? '3'
                                                                   : '4';
  std::string digits = std::to_string(place.address + 1);
  if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
  return table + digits;
}

class Table {
 public:
  Table(const config::RegisterAddress& address, std::uint16_t first,
        std::span<const std::uint16_t> registers)
      : address_(address), first_(first), registers_(registers) {}

  void heading() {
    out_ += padded("", kTypeWidth) + padded("", kOrderWidth);
    for (const int step : kSteps) {
      const int at = address_.address + step;
      const bool exists = at >= 0 && at <= 0xFFFF;
      const auto place = config::RegisterAddress{address_.table, static_cast<std::uint16_t>(at)};
      const std::string both = config::to_text(place) + " (" + manual_number(place) + ")";
      out_ += padded(exists ? both : "-", kValueWidth);
    }
    end_line();
  }

  void hex() {
    row("raw", "", [](std::span<const std::uint16_t> words) -> std::optional<std::string> {
      if (words.empty()) return std::nullopt;
      std::array<char, 8> text{};
      std::snprintf(text.data(), text.size(), "0x%04X", words[0]);
      return std::string(text.data());
    });
    row("bits", "15 to 0", [](std::span<const std::uint16_t> words) -> std::optional<std::string> {
      if (words.empty()) return std::nullopt;
      std::string bits;
      for (int i = 15; i >= 0; --i) {
        bits += (words[0] >> i & 1) != 0 ? '1' : '0';
        if (i % 4 == 0 && i > 0) bits += ' ';
      }
      return bits;
    });
  }

  void value(const char* name, const std::string& order, const ValueFormat& format) {
    row(name, order, [&](std::span<const std::uint16_t> words) -> std::optional<std::string> {
      if (words.size() < width(format)) return std::nullopt;
      const auto decoded = decode(words.first(width(format)), format);
      if (!decoded) return "no sense";
      return value_text(*decoded);
    });
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  static constexpr std::array<int, 3> kSteps{-1, 0, 1};

  template <class Read>
  void row(const char* name, const std::string& order, Read read) {
    out_ += padded(name, kTypeWidth) + padded(order, kOrderWidth);
    for (const int step : kSteps) {
      const int at = address_.address + step - first_;
      std::span<const std::uint16_t> words;
      if (at >= 0 && at < static_cast<int>(registers_.size())) {
        words = registers_.subspan(static_cast<std::size_t>(at));
      }
      out_ += padded(read(words).value_or("-"), kValueWidth);
    }
    end_line();
  }
  void end_line() {
    out_.erase(out_.find_last_not_of(' ') + 1);
    out_ += '\n';
  }

  const config::RegisterAddress& address_;
  std::uint16_t first_;
  std::span<const std::uint16_t> registers_;
  std::string out_;
};

ValueFormat in_order(ValueType type, const Order& order) {
  ValueFormat format{type, order.words};
  format.byte_order = order.bytes;
  return format;
}

}  // namespace

std::string lens_text(const config::RegisterAddress& address, std::uint16_t first,
                      std::span<const std::uint16_t> registers) {
  Table table(address, first, registers);
  table.heading();
  if (modbus::holds_bits(address.table)) {
    table.value("bool", "", {ValueType::Bool});
    return table.take();
  }
  table.hex();
  for (const bool high : {true, false}) {
    for (const bool is_signed : {false, true}) {
      ValueFormat format{is_signed ? ValueType::Int8 : ValueType::Uint8};
      format.first_bit = high ? 8 : 0;
      table.value(is_signed ? "int8" : "uint8", high ? "high half" : "low half", format);
    }
  }
  for (const Named& one : kOneRegister) {
    table.value(one.name, "AB", {one.type});
    table.value(one.name, "BA byte_order low_first", in_order(one.type, kOrders[2]));
  }
  for (const Named& several : kSeveral) {
    for (const Order& order : kOrders)
      table.value(several.name, order.name, in_order(several.type, order));
  }
  for (const Order& order : {kOrders[0], kOrders[2]}) {
    ValueFormat format = in_order(ValueType::Text, order);
    format.text_bytes = kTextBytes;
    // As much of it as was read.
    const std::size_t behind = registers.size() > 2 ? registers.size() - 2 : 0;
    format.text_bytes = static_cast<std::uint16_t>(std::min<std::size_t>(kTextBytes, behind * 2));
    if (format.text_bytes > 0) table.value("text", order.name, format);
  }
  return table.take();
}

}  // namespace hubward::cli
