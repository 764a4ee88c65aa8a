#include "proto/serial/command.h"

#include <algorithm>
#include <utility>

#include "proto/serial/escapes.h"

namespace hubward::serial {
namespace {

tl::unexpected<Error> refuse(std::string why) {
  return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, std::move(why));
}

}  // namespace

Result<CommandTemplate> CommandTemplate::parse(std::string_view text) {
  CommandTemplate command;
  std::string literal;  // still with escapes
  const auto end_literal = [&]() -> Status {
    auto bytes = bytes_from_text(std::exchange(literal, {}));
    if (!bytes) return tl::unexpected(bytes.error());
    if (!bytes->empty()) command.pieces_.push_back({Piece::Kind::Bytes, std::move(*bytes)});
    return {};
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("{{") || rest.starts_with("}}")) {
      literal.push_back(rest.front());
      ++i;
    } else if (rest.starts_with("{value}") || rest.starts_with("{check}")) {
      if (const Status ended = end_literal(); !ended) return tl::unexpected(ended.error());
      command.pieces_.push_back({rest[1] == 'v' ? Piece::Kind::Value : Piece::Kind::Check});
      i += 6;
    } else if (rest.front() == '{' || rest.front() == '}') {
      return refuse("in braces stands value, check or address; a brace alone is written twice");
    } else {
      literal.push_back(rest.front());
    }
  }
  if (const Status ended = end_literal(); !ended) return tl::unexpected(ended.error());
  return command;
}

bool CommandTemplate::has(Piece::Kind kind) const {
  return std::any_of(pieces_.begin(), pieces_.end(),
                     [kind](const Piece& piece) { return piece.kind == kind; });
}

std::string CommandTemplate::bytes(std::string_view value, const CheckSettings* check) const {
  std::string out;
  for (const Piece& piece : pieces_) {
    if (piece.kind == Piece::Kind::Bytes) {
      out += piece.bytes;
    } else if (piece.kind == Piece::Kind::Value) {
      out += value;
    } else if (check != nullptr) {
      const std::size_t end = out.size() - std::min(out.size(), check->skip_last);
      const std::size_t begin = std::min(end, check->skip_first);
      out += check_text(*check, std::string_view(out).substr(begin, end - begin));
    }
  }
  return out;
}

}  // namespace hubward::serial
