// The bytes of a request or command, with places for a value and a checksum.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/result.h"
#include "proto/serial/checksum.h"

namespace hubward::serial {

class CommandTemplate {
 public:
  // Text with the escapes of bytes_from_text(), `{value}`, `{check}`, and `{{` and `}}` for braces.
  // `{check}` is the check over what stands in front of it, but for its skip_first first and
  // skip_last last bytes. Error ConfigInvalid: another name in braces, or a brace alone.
  [[nodiscard]] static Result<CommandTemplate> parse(std::string_view text);

  [[nodiscard]] bool takes_value() const { return has(Piece::Kind::Value); }
  [[nodiscard]] bool takes_check() const { return has(Piece::Kind::Check); }

  // `check` is needed only if it takes one.
  [[nodiscard]] std::string bytes(std::string_view value, const CheckSettings* check) const;

 private:
  struct Piece {
    enum class Kind : std::uint8_t { Bytes, Value, Check } kind = Kind::Bytes;
    std::string bytes{};
  };
  [[nodiscard]] bool has(Piece::Kind kind) const;

  std::vector<Piece> pieces_;
};

}  // namespace hubward::serial
