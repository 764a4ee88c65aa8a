// Arbitrary bytes as a request at a server, and as the answer to a request made from the first
// bytes, as many as the first one says. What parses must encode to the same bytes, and an answer
// has the size that was asked for.
#include <cstdlib>
#include <span>

#include "proto/modbus/pdu.h"

using namespace hubward::modbus;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  if (const auto request = parse_request(bytes)) {
    const auto again = encode_request(*request);
    require(again.has_value() && parse_request(*again).value() == *request);
  }
  if (size == 0) return 0;
  // Most requests have five bytes; longer ones say so themselves.
  const std::size_t length = data[0] == 43 ? 4 : data[0] == 22 ? 7 : data[0] == 23 ? 12 : 5;
  if (size < length) return 0;
  const auto request = parse_request(bytes.first(length));
  if (!request) return 0;
  const auto pdu = bytes.subspan(length);
  const auto answer = parse_answer(*request, pdu);
  if (!answer) return 0;
  if (const auto* read = std::get_if<ReadAnswer>(&*answer)) {
    require(pdu.size() == answer_bytes(*request));
    const auto* plain = std::get_if<ReadRequest>(&*request);
    require(read->values.size() ==
            (plain != nullptr ? plain->count : std::get<ReadWriteRegisters>(*request).read_count));
  }
  require(parse_answer(*request, encode_answer(*request, *answer)).value() == *answer);
  return 0;
}
