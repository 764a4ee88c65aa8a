#include "gateway/web/web_server.h"

#include <libwebsockets.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <optional>
#include <thread>

#include "gateway/observe/live_feed.h"
#include "gateway/web/listen_address.h"
#include "gateway/web/request_guard.h"
#include "gateway/web/routes.h"

namespace hubward::web {
namespace {

constexpr std::size_t kBodyChunk = 16 * 1024;
constexpr std::size_t kWatchBytesMax = 16 * 1024;  // one message from a page
constexpr std::string_view kLivePath = "/api/live";

// One TCP connection: an HTTP request or, after the upgrade, a live page.
struct Connection {
  std::string source;  // IP address
  // HTTP
  Reply reply;
  std::size_t sent = 0;
  // Live page
  bool live = false;
  observe::LiveCursor cursor;
  std::string incoming;
  SteadyTime last_sent;
  std::optional<SteadyTime> stalled_since;  // it was asked to become writable and has not yet
};

std::string header(lws* wsi, lws_token_indexes token) {
  const int length = lws_hdr_total_length(wsi, token);
  if (length <= 0) return {};
  std::string value(static_cast<std::size_t>(length) + 1, '\0');
  const int copied = lws_hdr_copy(wsi, value.data(), static_cast<int>(value.size()), token);
  value.resize(copied > 0 ? static_cast<std::size_t>(copied) : 0);
  return value;
}

std::string own_host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

}  // namespace

class WebServer::Impl {
 public:
  Impl(WebSettings settings, const observe::StatusBoard& board)
      : settings_(std::move(settings)),
        board_(board),
        routes_(board, settings_.healthy, settings_.why),
        feed_(board) {
    if (settings_.address == "localhost") settings_.address = "127.0.0.1";
    if (std::string own = own_host_name(); !own.empty()) {
      settings_.host_names.push_back(own + ".local");
      settings_.host_names.push_back(std::move(own));
    }
  }
  ~Impl() { stop(); }

  Status start();
  void stop() noexcept;
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  // Timer of libwebsockets with the way back to us.
  struct Tick {
    lws_sorted_usec_list_t list{};
    Impl* owner = nullptr;
  };

  static int on_lws(lws* wsi, lws_callback_reasons reason, void* user, void* in,
                    std::size_t length) noexcept;
  static void on_tick(lws_sorted_usec_list_t* list) noexcept;

  void run() noexcept;
  void tick();
  int handle(lws* wsi, lws_callback_reasons reason, std::string_view in);
  int admit(lws* wsi);
  int confirm_upgrade(lws* wsi);
  int confirm_live(lws* wsi);
  int request(lws* wsi, std::string_view path);
  int begin_reply(lws* wsi, Connection& connection);
  int continue_reply(lws* wsi, Connection& connection);
  int live_receive(lws* wsi, Connection& connection, std::string_view in);
  int live_send(lws* wsi, Connection& connection);
  void forget(lws* wsi);
  void ask_writable(lws* wsi, Connection& connection);

  WebSettings settings_;
  const observe::StatusBoard& board_;
  Routes routes_;
  observe::LiveFeed feed_;
  // The web thread's alone after start().
  std::map<lws*, Connection> connections_;
  std::map<std::string, unsigned> per_source_;
  std::array<unsigned char, LWS_PRE + kBodyChunk> buffer_{};
  Tick tick_;
  // Set before the thread starts, cleared after it has ended.
  lws_context* context_ = nullptr;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

Status WebServer::Impl::start() {
  const std::string where = settings_.address + ":" + std::to_string(settings_.port);
  const auto address = numeric_address(settings_.address, settings_.port);
  if (!address) return tl::unexpected(address.error());
  if (auto free = can_bind(*address, where); !free) return free;

  lws_set_log_level(0, nullptr);
  static const std::array<lws_protocols, 3> kProtocols{
      {{"http", &Impl::on_lws, 0, 4096, 0, nullptr, 0},
       {"hubward-live", &Impl::on_lws, 0, 4096, 0, nullptr, 0},
       {nullptr, nullptr, 0, 0, 0, nullptr, 0}}};
  // All zero: libwebsockets' own validity timer stays off, because version 4.1 may use it after the
  // connection is gone. Live pages are kept honest by our heartbeat and kStallTimeout.
  static const lws_retry_bo_t kNoValidityTimer{};
  lws_context_creation_info info{};
  info.port = settings_.port;
  info.iface = settings_.address.c_str();
  info.protocols = kProtocols.data();
  info.user = this;
  info.gid = -1;  // stay who we are
  info.uid = -1;
  info.options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND;
  if (address->ipv4) info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
  info.max_http_header_data = static_cast<unsigned short>(kHeaderBytesMax);
  // Twice what one source may hold, so that one source cannot keep the others waiting.
  info.max_http_header_pool = 2 * kConnectionsPerSourceMax;
  info.fd_limit_per_thread = kConnectionsMax;
  info.timeout_secs = static_cast<unsigned>(kRequestTimeout.count());
  info.keepalive_timeout = static_cast<int>(kRequestTimeout.count());
  info.ka_time = 30;
  info.ka_probes = 3;
  info.ka_interval = 10;
  info.server_string = "hubward";
  info.retry_and_idle_policy = &kNoValidityTimer;
  context_ = lws_create_context(&info);
  if (context_ == nullptr) {
    return failure(ErrorCode::AddressInUse, ErrorKind::Permanent, where + ": cannot listen");
  }
  port_ = static_cast<std::uint16_t>(
      lws_get_vhost_listen_port(lws_get_vhost_by_name(context_, "default")));
  tick_.owner = this;
  lws_sul_schedule(context_, 0, &tick_.list, &Impl::on_tick, 1);
  thread_ = std::thread([this]() noexcept { run(); });
  return {};
}

void WebServer::Impl::run() noexcept {
  while (!stopping_.load(std::memory_order_acquire)) {
    if (lws_service(context_, 0) < 0) break;
  }
}

void WebServer::Impl::stop() noexcept {
  stopping_.store(true, std::memory_order_release);
  if (context_ == nullptr) return;
  lws_cancel_service(context_);
  if (thread_.joinable()) thread_.join();
  lws_sul_schedule(context_, 0, &tick_.list, nullptr, LWS_SET_TIMER_USEC_CANCEL);
  lws_context_destroy(context_);
  context_ = nullptr;
}

void WebServer::Impl::on_tick(lws_sorted_usec_list_t* list) noexcept {
  Impl* self = lws_container_of(list, Tick, list)->owner;
  try {
    self->tick();
  } catch (...) {
    // Out of memory: this round is left out.
  }
  const auto period = std::chrono::microseconds(kLiveEvery).count();
  lws_sul_schedule(self->context_, 0, list, &Impl::on_tick, period);
}

void WebServer::Impl::tick() {
  const SteadyTime now = board_.clock().steady();
  bool any_live = false;
  for (const auto& [wsi, connection] : connections_) any_live = any_live || connection.live;
  if (!any_live) return;
  const bool news = feed_.refresh();
  for (auto& [wsi, connection] : connections_) {
    if (!connection.live) continue;
    if (connection.stalled_since) {
      if (now - *connection.stalled_since > kStallTimeout) {
        lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
      }
      continue;
    }
    const bool heartbeat = now - connection.last_sent >= kLiveHeartbeat;
    if (heartbeat || (news && feed_.has_news(connection.cursor))) ask_writable(wsi, connection);
  }
}

void WebServer::Impl::ask_writable(lws* wsi, Connection& connection) {
  connection.stalled_since = board_.clock().steady();
  lws_callback_on_writable(wsi);
}

int WebServer::Impl::on_lws(lws* wsi, lws_callback_reasons reason, void*, void* in,
                            std::size_t length) noexcept {
  switch (reason) {
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
    case LWS_CALLBACK_WSI_DESTROY:
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
    case LWS_CALLBACK_HTTP:
    case LWS_CALLBACK_HTTP_BODY:
    case LWS_CALLBACK_HTTP_WRITEABLE:
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_SERVER_WRITEABLE:
      break;
    case LWS_CALLBACK_RAW_ADOPT:
    case LWS_CALLBACK_RAW_CONNECTED:
    case LWS_CALLBACK_RAW_RX:
      // The method CONNECT turns a connection into a raw one without any time-out.
      lws_set_timeout(wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
      return -1;
    default:
      return 0;
  }
  auto* self = static_cast<Impl*>(lws_context_user(lws_get_context(wsi)));
  const bool has_text = reason == LWS_CALLBACK_HTTP || reason == LWS_CALLBACK_RECEIVE;
  const std::string_view text = has_text && in != nullptr
                                    ? std::string_view(static_cast<const char*>(in), length)
                                    : std::string_view();
  try {
    return self->handle(wsi, reason, text);
  } catch (...) {
    return -1;  // out of memory: this connection is closed, the others go on
  }
}

int WebServer::Impl::handle(lws* wsi, lws_callback_reasons reason, std::string_view in) {
  if (reason == LWS_CALLBACK_WSI_DESTROY) {
    forget(wsi);
    return 0;
  }
  if (reason == LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED) return admit(wsi);
  const auto found = connections_.find(wsi);
  if (found == connections_.end()) return -1;
  Connection& connection = found->second;
  switch (reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
      return confirm_upgrade(wsi);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
      return confirm_live(wsi);
    case LWS_CALLBACK_HTTP:
      return request(wsi, in);
    case LWS_CALLBACK_HTTP_WRITEABLE:
      return continue_reply(wsi, connection);
    case LWS_CALLBACK_ESTABLISHED:
      connection.live = true;
      feed_.refresh();
      ask_writable(wsi, connection);
      return 0;
    case LWS_CALLBACK_RECEIVE:
      return live_receive(wsi, connection, in);
    case LWS_CALLBACK_SERVER_WRITEABLE:
      return live_send(wsi, connection);
    default:
      return -1;  // a request with a body
  }
}

int WebServer::Impl::admit(lws* wsi) {
  std::array<char, 64> source{};
  if (lws_get_peer_simple(wsi, source.data(), source.size()) == nullptr) return -1;
  if (per_source_[source.data()] >= kConnectionsPerSourceMax) return -1;
  ++per_source_[source.data()];
  connections_[wsi].source = source.data();
  return 0;
}

void WebServer::Impl::forget(lws* wsi) {
  const auto found = connections_.find(wsi);
  if (found == connections_.end()) return;
  if (const auto count = per_source_.find(found->second.source);
      count != per_source_.end() && --count->second == 0) {
    per_source_.erase(count);
  }
  connections_.erase(found);
}

// libwebsockets 4.1.6 frees a second request's headers too early when they ask for an upgrade that
// it does not know, and takes "h2c" in clear text: only "websocket" gets past here.
int WebServer::Impl::confirm_upgrade(lws* wsi) {
  return header(wsi, WSI_TOKEN_UPGRADE) == "websocket" ? confirm_live(wsi) : -1;
}

int WebServer::Impl::confirm_live(lws* wsi) {
  const std::string host = header(wsi, WSI_TOKEN_HOST);
  const bool allowed = header(wsi, WSI_TOKEN_GET_URI) == kLivePath &&
                       host_allowed(host, settings_.host_names) &&
                       same_origin(header(wsi, WSI_TOKEN_ORIGIN), host);
  return allowed ? 0 : -1;
}

int WebServer::Impl::request(lws* wsi, std::string_view path) {
  Connection& connection = connections_[wsi];
  const std::string known_etag = header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH);
  if (!host_allowed(header(wsi, WSI_TOKEN_HOST), settings_.host_names)) {
    connection.reply = text_reply(421,
                                  "hubward does not answer under this host name.\n"
                                  "Use its IP address or this computer's own name.\n");
  } else if (lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) <= 0) {
    connection.reply = text_reply(405, "Only GET is possible here.\n");
  } else {
    connection.reply = routes_.answer({path, known_etag});
  }
  return begin_reply(wsi, connection);
}

int WebServer::Impl::begin_reply(lws* wsi, Connection& connection) {
  const Reply& reply = connection.reply;
  unsigned char* const begin = buffer_.data() + LWS_PRE;
  unsigned char* const end = buffer_.data() + buffer_.size() - 1;
  unsigned char* at = begin;
  if (lws_add_http_header_status(wsi, reply.status, &at, end) != 0) return -1;
  for (const HeaderField& field : header_fields(reply)) {
    if (lws_add_http_header_by_name(wsi, reinterpret_cast<const unsigned char*>(field.name),
                                    reinterpret_cast<const unsigned char*>(field.value.data()),
                                    static_cast<int>(field.value.size()), &at, end) != 0) {
      return -1;
    }
  }
  if (lws_finalize_write_http_header(wsi, begin, &at, end) != 0) return -1;
  connection.sent = 0;
  lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, static_cast<int>(kStallTimeout.count()));
  lws_callback_on_writable(wsi);
  return 0;
}

int WebServer::Impl::continue_reply(lws* wsi, Connection& connection) {
  const Reply& reply = connection.reply;
  std::string_view body = reply.embedded;
  if (body.empty() && reply.body) body = *reply.body;
  const std::string_view piece = body.substr(std::min(connection.sent, body.size()), kBodyChunk);
  if (piece.empty()) return -1;  // all sent; -1 closes after what is buffered has gone
  std::memcpy(buffer_.data() + LWS_PRE, piece.data(), piece.size());
  const bool last = connection.sent + piece.size() == body.size();
  const int written = lws_write(wsi, buffer_.data() + LWS_PRE, piece.size(),
                                last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP);
  if (written < 0 || last) return -1;
  connection.sent += piece.size();
  lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, static_cast<int>(kStallTimeout.count()));
  lws_callback_on_writable(wsi);
  return 0;
}

int WebServer::Impl::live_receive(lws* wsi, Connection& connection, std::string_view in) {
  if (lws_is_first_fragment(wsi) != 0) connection.incoming.clear();
  if (connection.incoming.size() + in.size() > kWatchBytesMax) return -1;
  connection.incoming += in;
  if (lws_is_final_fragment(wsi) == 0) return 0;
  const bool understood = feed_.watch(connection.cursor, connection.incoming).has_value();
  connection.incoming.clear();
  if (!understood) return -1;
  if (!connection.stalled_since) ask_writable(wsi, connection);
  return 0;
}

int WebServer::Impl::live_send(lws* wsi, Connection& connection) {
  if (!connection.stalled_since) return 0;  // libwebsockets asks on its own account
  connection.stalled_since.reset();
  const std::string message = feed_.next(connection.cursor);
  std::string framed(LWS_PRE, '\0');
  framed += message;
  const int written = lws_write(wsi, reinterpret_cast<unsigned char*>(framed.data()) + LWS_PRE,
                                message.size(), LWS_WRITE_TEXT);
  if (written < 0) return -1;
  connection.last_sent = board_.clock().steady();
  // The rest of a snapshot follows as fast as the page takes it.
  if (feed_.has_news(connection.cursor)) ask_writable(wsi, connection);
  return 0;
}

WebServer::WebServer(WebSettings settings, const observe::StatusBoard& board)
    : impl_(std::make_unique<Impl>(std::move(settings), board)) {}
WebServer::~WebServer() = default;
Status WebServer::start() { return impl_->start(); }
void WebServer::stop() noexcept { impl_->stop(); }
std::uint16_t WebServer::port() const { return impl_->port(); }

}  // namespace hubward::web
