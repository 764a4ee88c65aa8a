#include "tests/sim/net/http_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "proto/percent.h"

namespace hubward::simnet {
namespace {

constexpr std::size_t kHeadBytesMax = 16 * 1024;
constexpr std::size_t kBodyBytesMax = 4 * 1024 * 1024;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

struct Head {
  HttpRequest request;
  std::size_t body_bytes = 0;
  bool close = false;
  bool expects_continue = false;
  bool bad = false;
};

// "POST /devices/a/method?x=1 HTTP/1.1\r\nContent-Length: 5\r\n.."
Head parse_head(std::string_view text) {
  Head head;
  const std::size_t end = text.find("\r\n");
  const std::string_view line = text.substr(0, end);
  const std::size_t first = line.find(' ');
  const std::size_t second = line.rfind(' ');
  if (first == std::string_view::npos || second <= first) {
    head.bad = true;
    return head;
  }
  head.request.method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, second - first - 1);
  const std::size_t mark = target.find('?');
  const auto path = percent_decode(target.substr(0, mark));
  head.bad = !path;
  head.request.path = path.value_or("");
  if (mark != std::string_view::npos) head.request.query = target.substr(mark + 1);
  head.close = line.ends_with("/1.0");
  text.remove_prefix(std::min(text.size(), end + 2));
  while (!text.empty()) {
    const std::size_t stop = text.find("\r\n");
    const std::string field = lower(text.substr(0, stop));
    text = stop == std::string_view::npos ? std::string_view{} : text.substr(stop + 2);
    const std::size_t colon = field.find(':');
    if (colon == std::string::npos) continue;
    const std::size_t at = field.find_first_not_of(' ', colon + 1);
    const std::string value = at == std::string::npos ? "" : field.substr(at);
    const std::string name = field.substr(0, colon);
    if (name == "content-length") {
      const auto length = parse_decimal(value);
      head.bad = head.bad || !length;
      head.body_bytes = static_cast<std::size_t>(length.value_or(0));
    } else if (name == "connection") {
      head.close = value == "close";
    } else if (name == "expect") {
      head.expects_continue = value == "100-continue";
    } else if (name == "transfer-encoding") {
      head.bad = true;  // chunked bodies are not understood
    }
  }
  return head;
}

}  // namespace

class HttpServer::Client : public Watcher {
 public:
  Client(HttpServer& server, std::uint64_t token, Descriptor accepted)
      : socket(std::move(accepted)), server_(server), token_(token) {
    server_.loop_.add(socket.get(), EPOLLIN, *this);
  }

  void on_ready(std::uint32_t events) override {
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !read()) return server_.drop(token_);
    serve();
  }

  void answer(const HttpResponse& response) {
    busy_ = false;
    out_ += "HTTP/1.1 " + std::to_string(response.status) +
            (response.status < 400 ? " OK" : " Refused") +
            "\r\nContent-Type: " + response.content_type +
            "\r\nContent-Length: " + std::to_string(response.body.size()) +
            (close_ ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n") + response.body;
  }

  // Requests that are complete are handled in order; one that waits holds up those behind it.
  void serve() {
    while (!busy_ && take_request()) {
    }
    server_.unsent_.push_back(token_);
  }

  // False when the connection is done with.
  bool write() {
    while (!out_.empty()) {
      const auto count = ::send(socket.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
      if (count < 0) {
        if (errno != EAGAIN && errno != EINTR) return false;
        server_.loop_.change(socket.get(), EPOLLIN | EPOLLOUT, *this);
        return true;
      }
      out_.erase(0, static_cast<std::size_t>(count));
    }
    server_.loop_.change(socket.get(), EPOLLIN, *this);
    return !close_ || busy_;
  }

  Descriptor socket;

 private:
  bool read() {
    std::array<char, 16 * 1024> buffer;
    const auto count = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
    in_.append(buffer.data(), static_cast<std::size_t>(count));
    return true;
  }

  bool take_request() {
    const std::size_t end = in_.find("\r\n\r\n");
    if (end == std::string::npos) {
      if (in_.size() > kHeadBytesMax) refuse();
      return false;
    }
    Head head = parse_head(std::string_view(in_).substr(0, end));
    if (head.bad || head.body_bytes > kBodyBytesMax) {
      refuse();
      return false;
    }
    if (in_.size() < end + 4 + head.body_bytes) {
      if (head.expects_continue && !continued_) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
      continued_ = true;
      return false;
    }
    continued_ = false;
    head.request.body = in_.substr(end + 4, head.body_bytes);
    in_.erase(0, end + 4 + head.body_bytes);
    close_ = head.close;
    busy_ = true;
    if (const auto response = server_.handler_.handle(head.request, token_)) {
      answer(*response);
    }
    return true;
  }

  void refuse() {
    close_ = true;
    in_.clear();
    answer({.status = 400, .body = "{\"error\":\"malformed HTTP request\"}"});
  }

  HttpServer& server_;
  std::uint64_t token_;
  std::string in_;
  std::string out_;
  bool busy_ = false;  // a request is being answered
  bool close_ = false;
  bool continued_ = false;
};

HttpServer::HttpServer(EventLoop& loop, HttpHandler& handler, Descriptor listener)
    : loop_(loop), handler_(handler), listener_(std::move(listener)) {
  loop_.add(listener_.get(), EPOLLIN, *this);
}

HttpServer::~HttpServer() = default;

void HttpServer::on_ready(std::uint32_t) {
  Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket) return;
  const std::uint64_t token = next_token_++;
  clients_[token] = std::make_unique<Client>(*this, token, std::move(socket));
}

void HttpServer::collect() {
  for (const auto& [token, response] : handler_.take_finished()) {
    const auto found = clients_.find(token);
    if (found == clients_.end()) continue;
    found->second->answer(response);
    found->second->serve();
  }
}

void HttpServer::flush() {
  for (const auto token : std::exchange(unsent_, {})) {
    const auto found = clients_.find(token);
    if (found != clients_.end() && !found->second->write()) drop(token);
  }
}

void HttpServer::drop(std::uint64_t token) {
  const auto found = clients_.find(token);
  if (found == clients_.end()) return;
  loop_.remove(found->second->socket.get());
  loop_.bury(std::move(found->second));
  clients_.erase(found);
}

}  // namespace hubward::simnet
