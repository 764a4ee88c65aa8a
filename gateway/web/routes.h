// What is answered to a request, without any socket.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/observe/status_board.h"

namespace hubward::web {

struct Request {
  std::string_view path;  // decoded, without query
  std::string_view if_none_match;
};

struct Reply {
  unsigned status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  // Shared by the connections that are still sending it: many readers cost one copy.
  std::shared_ptr<const std::string> body;
  std::string_view embedded;  // instead of `body`: a page file, gzip
  std::string_view etag;      // with `embedded` and with 304
};

// One thread at a time.
class Routes {
 public:
  // The large documents are made at most once in this time, however many ask.
  static constexpr std::chrono::milliseconds kReuse{1000};

  // `healthy`: empty, or answers whether the program's own loops are running; any thread.
  // `why`: empty, or answers for one device at once. `board` outlives the routes.
  Routes(const observe::StatusBoard& board, std::function<bool()> healthy,
         std::function<std::string(DeviceIndex)> why = nullptr);

  // GET only; the caller has checked method and Host.
  [[nodiscard]] Reply answer(const Request& request);

 private:
  struct Cached {
    std::shared_ptr<const std::string> body;
    SteadyTime made;
  };

  template <class Make>
  std::shared_ptr<const std::string> reused(Cached& cached, Make make);

  const observe::StatusBoard& board_;
  std::function<bool()> healthy_;
  std::function<std::string(DeviceIndex)> why_;
  Cached status_;
  Cached metrics_;
  Cached bad_inputs_;
};

struct HeaderField {
  const char* name;  // with colon, in lower case
  std::string value;
};
// Everything between the status line and the body, the protecting headers among them.
[[nodiscard]] std::vector<HeaderField> header_fields(const Reply& reply);

[[nodiscard]] Reply text_reply(unsigned status, std::string text);

}  // namespace hubward::web
