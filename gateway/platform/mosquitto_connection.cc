// How libmosquitto 2.0.11 is used here, as its source reads:
//
// - mosquitto_connect_async() resolves its host blocking, connects without blocking and begins TLS.
//   It is given an address that our own resolver found, so that it blocks for nothing and runs on
//   the loop; HandshakeHost puts the real name into SNI and certificate check.
// - The TLS handshake goes on in mosquitto_loop_read() only. An I/O error inside it counts as "not
//   finished", so that a refused or closed socket would be polled for ever: we look at SO_ERROR and
//   at hang-ups ourselves. A failed handshake closes the socket, keeps the SSL object (whose
//   verdict we read) and calls nobody.
// - mosquitto_want_write() stays true all through a handshake; SSL_want_write() tells.
// - A broken connection shows as the return code of loop_read, loop_write and loop_misc, so that no
//   disconnect callback is needed. DISCONNECT, once written, closes the socket at once.
// - Inside callbacks packets are only queued; flush() writes them afterwards.
// - A client used again resends what was not acknowledged: each connection is a new client, and
// what
//   is sent again is the session's decision.
#include "gateway/platform/mosquitto_connection.h"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "gateway/platform/asio_loop.h"

namespace hubward::platform {
namespace {

// The least one address gets before the next is tried.
constexpr std::chrono::seconds kAddressTimeMin{3};
// libmosquitto takes 5 to 65535 s.
constexpr std::chrono::seconds kKeepAliveMin{5};
constexpr std::chrono::seconds kKeepAliveMax{65535};
// libmosquitto counts keep-alive in seconds.
constexpr std::chrono::seconds kSweepEvery{1};
// A hub closes after 1.5 keep-alives of silence, and we ping up to a round of all groups late: with
// less than this a connection is looked at every second.
constexpr std::chrono::seconds kPatientFrom{30};

SSL* tls_of(mosquitto* client) { return static_cast<SSL*>(mosquitto_ssl_get(client)); }

std::string trouble_text(int error) { return std::strerror(error); }  // NOLINT: glibc's is safe

const char* loss_text(int code, bool hung_up) {
  switch (code) {
    case MOSQ_ERR_KEEPALIVE:
      return "keep-alive time-out";
    case MOSQ_ERR_PROTOCOL:
    case MOSQ_ERR_MALFORMED_PACKET:
    case MOSQ_ERR_MALFORMED_UTF8:
      return "the hub sent something that is not MQTT";
    case MOSQ_ERR_NOMEM:
      return "out of memory";
    case MOSQ_ERR_ERRNO:
      return hung_up ? "closed by the hub" : "connection broken";
    default:
      return "closed by the hub";
  }
}

}  // namespace

void MosquittoLinkOpener::Shared::keep_alive(Connection& connection) {
  connection.group_ = connection.is_impatient() ? kTurns : next_group++ % kTurns;
  in_session[connection.group_].insert(&connection);
  start_sweeping();
}

void MosquittoLinkOpener::Shared::forget(Connection& connection) noexcept {
  in_session[connection.group_].erase(&connection);
}

void MosquittoLinkOpener::Shared::start_sweeping() {
  if (sweeping) return;
  sweeping = true;
  loop.call_at(loop.clock().steady() + kSweepEvery, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->sweeping = false;
    self->turn = (self->turn + 1) % kTurns;
    for (auto* const group : {&self->in_session[self->turn], &self->in_session[kTurns]}) {
      // A connection that ends may end others through its events.
      const std::vector<Connection*> all(group->begin(), group->end());
      for (Connection* const one : all) {
        if (group->contains(one)) one->keep_alive();
      }
    }
    const bool nobody = std::all_of(self->in_session.begin(), self->in_session.end(),
                                    [](const auto& group) { return group.empty(); });
    if (!nobody) self->start_sweeping();
  });
}

Connection::Connection(std::shared_ptr<Shared> shared, MqttLinkEvents& events, MqttConnect options)
    : shared_(std::move(shared)), events_(&events), options_(std::move(options)) {}

Connection::~Connection() { close(); }

void Connection::start() {
  transport_ends_ = shared_->loop.clock().steady() + options_.transport_timeout;
  set_deadline(options_.transport_timeout, &Connection::on_transport_deadline);
  shared_->resolver.resolve(options_.host, shared_->loop,
                            [weak = weak_from_this()](const Resolver::Answer& answer) {
                              if (const auto self = weak.lock()) self->on_addresses(answer);
                            });
}

void Connection::on_addresses(const Resolver::Answer& answer) {
  if (stage_ != Stage::Name) return;  // timed out or dropped meanwhile
  if (!answer)
    return fail(LinkStage::Name, answer.error().code, without_host(answer.error(), options_.host));
  addresses_.assign(answer->rbegin(), answer->rend());
  if (!make_client()) {
    return fail(LinkStage::Tcp, ErrorCode::Unreachable, "libmosquitto refuses the settings");
  }
  try_next_address({});
}

bool Connection::make_client() {
  client_ = new_client(options_.client_id, options_.clean_session, this);
  mosquitto* const client = client_.get();
  if (client == nullptr) return false;
  std::string password(options_.password.reveal());  // a copy that surely ends with a zero
  const bool ok =
      mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V311) == 0 &&
      mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1) == 0 &&
      mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, 0) == 0 &&  // the window is the session's
      mosquitto_int_option(client, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0) == 0 &&
      mosquitto_void_option(client, MOSQ_OPT_SSL_CTX, shared_->roots.context()) == 0 &&
      (options_.user_name.empty() ||
       mosquitto_username_pw_set(client, options_.user_name.c_str(),
                                 options_.password.empty() ? nullptr : password.c_str()) == 0);
  OPENSSL_cleanse(password.data(), password.size());
  options_.password = {};
  mosquitto_log_callback_set(client, log_line);
  mosquitto_connect_with_flags_callback_set(client, connack);
  mosquitto_publish_callback_set(client, puback);
  mosquitto_subscribe_callback_set(client, suback);
  mosquitto_unsubscribe_callback_set(client, unsuback);
  mosquitto_message_callback_set(client, message);
  return ok;
}

void Connection::try_next_address(std::string last_trouble) {
  unwatch();
  while (!addresses_.empty()) {
    address_ = std::move(addresses_.back());
    addresses_.pop_back();
    const auto keep_alive = std::clamp(options_.keep_alive, kKeepAliveMin, kKeepAliveMax);
    const HandshakeHost host(options_.host);
    errno = 0;
    const int code = mosquitto_connect_async(client_.get(), address_.c_str(), options_.port,
                                             static_cast<int>(keep_alive.count()));
    early_error_ = errno;
    // Over the loopback a whole handshake may happen inside that call.
    if (code == MOSQ_ERR_TLS) return fail_tls(&host);
    if (code != MOSQ_ERR_SUCCESS) {
      last_trouble = code == MOSQ_ERR_ERRNO ? trouble_text(early_error_) : mosquitto_strerror(code);
      continue;
    }
    watch_ = shared_->loop.sockets().add(mosquitto_socket(client_.get()), *this, true);
    if (watch_.value == 0) {
      last_trouble = trouble_text(errno);
      continue;
    }
    stage_ = Stage::Tcp;
    if (!addresses_.empty()) {
      // What is left is shared out, so that one dead address does not use up the time of the rest.
      const auto left = transport_ends_ - shared_->loop.clock().steady();
      const auto share = left / static_cast<std::int64_t>(addresses_.size() + 1);
      set_deadline(std::min<std::chrono::nanoseconds>(
                       left, std::max<std::chrono::nanoseconds>(share, kAddressTimeMin)),
                   &Connection::on_transport_deadline);
    } else {
      set_deadline(transport_ends_ - shared_->loop.clock().steady(),
                   &Connection::on_transport_deadline);
    }
    return;
  }
  fail(LinkStage::Tcp, ErrorCode::Unreachable, where() + last_trouble);
}

void Connection::on_ready(Ready ready) {
  const auto self = shared_from_this();  // an event may drop the link
  switch (stage_) {
    case Stage::Tcp:
      return on_tcp_ready();
    case Stage::Tls:
      return on_tls_ready(ready.hung_up);
    case Stage::Connack:
    case Stage::Session:
    case Stage::Goodbye:
      return on_packets(ready);
    case Stage::Name:
    case Stage::Closed:
      return;
  }
}

void Connection::on_tcp_ready() {
  int error = 0;
  socklen_t size = sizeof error;
  const int descriptor = mosquitto_socket(client_.get());
  getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
  sockaddr_storage peer{};
  socklen_t peer_size = sizeof peer;
  const bool gone = getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0;
  // The first step of TLS, inside mosquitto_connect_async(), may have eaten the error.
  if (error == 0 && gone) error = early_error_;
  // A reset comes after the connection: the answer of somebody who does not speak TLS.
  const bool connected = error == 0 || error == ECONNRESET || error == EPIPE || error == EAGAIN ||
                         error == EINPROGRESS;
  if (!connected) return try_next_address(trouble_text(error));
  stage_ = Stage::Tls;
  addresses_.clear();  // this one answers: what fails from here on is not the address
  set_deadline(transport_ends_ - shared_->loop.clock().steady(),
               &Connection::on_transport_deadline);
  on_tls_ready(gone || error != 0);
}

void Connection::on_tls_ready(bool hung_up) {
  const HandshakeHost host(options_.host);
  SSL* tls = tls_of(client_.get());
  // Finished already: over the loopback that can happen as soon as it begins. Then what there is to
  // read is MQTT.
  if (tls != nullptr && SSL_is_init_finished(tls) == 0) {
    const int code = step(mosquitto_loop_read);
    tls = tls_of(client_.get());
    if (code != MOSQ_ERR_SUCCESS) return fail_tls(&host);
  }
  if (tls == nullptr) return fail_tls(nullptr);
  if (SSL_is_init_finished(tls) == 0) {
    if (hung_up) {
      tls_trouble_ = "the other side closed the connection during the handshake";
      return fail_tls(nullptr);
    }
    shared_->loop.sockets().want(watch_, true, SSL_want_write(tls));
    return;
  }
  stage_ = Stage::Connack;
  set_deadline(options_.connack_timeout, &Connection::on_connack_deadline);
  flush();
}

void Connection::on_packets(Ready ready) {
  if ((ready.readable || ready.hung_up) && !goes_on(step(mosquitto_loop_read), ready.hung_up)) {
    return;
  }
  flush();
}

void Connection::flush() {
  if (stage_ == Stage::Closed || !client_) return;
  if (mosquitto_want_write(client_.get()) && !goes_on(step(mosquitto_loop_write), false)) {
    return;
  }
  if (mosquitto_socket(client_.get()) < 0) return close();  // said goodbye
  const bool waiting = mosquitto_want_write(client_.get());
  if (!waiting) written_bytes_ = accepted_bytes_;
  shared_->loop.sockets().want(watch_, true, waiting);
}

bool Connection::goes_on(int code, bool hung_up) {
  if (stage_ == Stage::Closed) return false;
  if (stage_ == Stage::Goodbye) {
    if (code == MOSQ_ERR_SUCCESS && mosquitto_socket(client_.get()) >= 0) return true;
    close();
    return false;
  }
  if (refusal_ != 0) {
    close();
    if (events_ != nullptr) std::exchange(events_, nullptr)->on_refused(refusal_);
    return false;
  }
  const LinkStage stage = stage_ == Stage::Session ? LinkStage::Session : LinkStage::Connack;
  if (code == MOSQ_ERR_SUCCESS) return true;
  const bool silent = code == MOSQ_ERR_KEEPALIVE;
  fail(stage, silent ? ErrorCode::LinkSilent : ErrorCode::LinkLost, loss_text(code, hung_up));
  return false;
}

void Connection::subscribe(const std::vector<Subscription>& subscriptions) {
  if (stage_ != Stage::Session) return;
  // Each filter a packet of its own: the hub answers them in order, and the last one counts. (One
  // packet for all would give them one quality of service.)
  for (const Subscription& one : subscriptions) {
    mosquitto_subscribe(client_.get(), &last_subscribe_, one.filter.c_str(),
                        static_cast<int>(one.qos));
  }
  shared_->loop.sockets().want(watch_, true, mosquitto_want_write(client_.get()));
}

void Connection::unsubscribe(const std::string& filter) {
  if (stage_ != Stage::Session) return;
  mosquitto_unsubscribe(client_.get(), nullptr, filter.c_str());
  shared_->loop.sockets().want(watch_, true, mosquitto_want_write(client_.get()));
}

bool Connection::publish(std::string_view topic, std::string_view payload, Qos qos,
                         PublishToken token) {
  if (stage_ != Stage::Session || broken_) return false;
  const std::size_t size = topic.size() + payload.size();
  const std::uint64_t unsent = accepted_bytes_ - written_bytes_;
  if (unsent + size > MosquittoLinkOpener::kUnsentBytesMax) return false;
  if (in_flight_.size() >= MosquittoLinkOpener::kInFlightMax) return false;
  static thread_local std::string terminated_topic;  // spares an allocation for each message
  terminated_topic.assign(topic);
  int packet_id = 0;
  const int code = mosquitto_publish(client_.get(), &packet_id, terminated_topic.c_str(),
                                     static_cast<int>(payload.size()), payload.data(),
                                     static_cast<int>(qos), false);
  if (code == MOSQ_ERR_INVAL || code == MOSQ_ERR_MALFORMED_UTF8 || code == MOSQ_ERR_PAYLOAD_SIZE ||
      code == MOSQ_ERR_NOMEM) {
    return false;  // not a topic that MQTT allows, or too long: nothing was sent
  }
  if (code != MOSQ_ERR_SUCCESS) {
    broken_ = true;
    shared_->loop.post([weak = weak_from_this(), code] {
      if (const auto self = weak.lock(); self && self->stage_ == Stage::Session) {
        self->fail(LinkStage::Session, ErrorCode::LinkLost, loss_text(code, true));
      }
    });
    return false;
  }
  accepted_bytes_ += size;
  if (qos == Qos::AtLeastOnce) in_flight_.push_back({packet_id, token, accepted_bytes_});
  const bool waiting = mosquitto_want_write(client_.get());
  if (!waiting) written_bytes_ = accepted_bytes_;
  shared_->loop.sockets().want(watch_, true, waiting);
  return true;
}

void Connection::say_goodbye() noexcept {
  events_ = nullptr;
  if (stage_ != Stage::Session && stage_ != Stage::Connack) return close();
  shared_->forget(*this);
  stage_ = Stage::Goodbye;
  if (stepping_) {
    mosquitto_disconnect(client_.get());
  } else {
    step([](mosquitto* client, int) { return mosquitto_disconnect(client); });
  }
  // Inside a callback of libmosquitto the packet is queued, and flush() sends it afterwards.
  if (mosquitto_socket(client_.get()) < 0) return close();
  shared_->loop.sockets().want(watch_, true, true);
  shared_->loop.cancel(deadline_);
  // The timer keeps this object until then, whatever its link does.
  deadline_ =
      shared_->loop.call_at(shared_->loop.clock().steady() + MosquittoLinkOpener::kGoodbyeMax,
                            [self = shared_from_this()] { self->on_goodbye_deadline(); });
}

void Connection::drop() noexcept {
  events_ = nullptr;
  if (stage_ == Stage::Goodbye) return;
  close();
}

bool Connection::is_impatient() const { return options_.keep_alive < kPatientFrom; }

void Connection::keep_alive() {
  const auto self = shared_from_this();
  const int code = step([](mosquitto* client, int) { return mosquitto_loop_misc(client); });
  if (goes_on(code, false)) flush();
}

void Connection::enter_session(bool session_present) {
  if (stage_ != Stage::Connack) return;  // a second CONNACK is nonsense
  stage_ = Stage::Session;
  shared_->loop.cancel(deadline_);
  // Its lines cost a formatting each, also those nobody wants.
  mosquitto_log_callback_set(client_.get(), nullptr);
  shared_->keep_alive(*this);
  if (events_ != nullptr) events_->on_connected(session_present);
}

void Connection::unwatch() noexcept { shared_->loop.sockets().remove(std::exchange(watch_, {})); }

void Connection::close() noexcept {
  const auto self = weak_from_this().lock();  // the deadline may be what keeps it
  stage_ = Stage::Closed;
  unwatch();
  shared_->loop.cancel(std::exchange(deadline_, {}));
  shared_->forget(*this);
  if (!stepping_) client_.reset();  // and its socket
}

int Connection::step(int (*call)(mosquitto*, int)) {
  stepping_ = true;
  const int code = call(client_.get(), 1);
  stepping_ = false;
  if (stage_ == Stage::Closed) client_.reset();  // an event dropped it
  return code;
}

void Connection::fail(LinkStage stage, ErrorCode code, std::string context) {
  close();
  const ErrorKind kind = code == ErrorCode::TlsUntrusted || code == ErrorCode::ClockWrong
                             ? ErrorKind::Permanent
                             : ErrorKind::Transient;
  if (events_ == nullptr) return;
  std::exchange(events_, nullptr)->on_closed(stage, Error{code, kind, std::move(context)});
}

std::string Connection::where() const {
  const bool is_address = options_.host == address_;
  return (is_address ? "" : address_ + " ") + "port " + std::to_string(options_.port) + ": ";
}

// `host`: of the handshake that failed; null: it did not come to a certificate.
void Connection::fail_tls(const HandshakeHost* host) {
  const std::string distrust = host != nullptr ? host->distrust() : "";
  if (!distrust.empty()) {
    return fail(LinkStage::Tls,
                host->is_out_of_date() ? ErrorCode::ClockWrong : ErrorCode::TlsUntrusted,
                where() + distrust);
  }
  fail(LinkStage::Tls, ErrorCode::TlsFailed,
       where() + (tls_trouble_.empty() ? "TLS handshake failed" : tls_trouble_));
}

void Connection::set_deadline(std::chrono::nanoseconds from_now, void (Connection::*expired)()) {
  shared_->loop.cancel(deadline_);
  deadline_ = shared_->loop.call_at(shared_->loop.clock().steady() + from_now,
                                    [weak = weak_from_this(), expired] {
                                      if (const auto self = weak.lock()) (self.get()->*expired)();
                                    });
}

void Connection::on_transport_deadline() {
  const std::string waited = " in " + std::to_string(options_.transport_timeout.count()) + " s";
  switch (stage_) {
    case Stage::Name:
      return fail(LinkStage::Name, ErrorCode::NameUnknown,
                  "no answer from the name server" + waited);
    case Stage::Tcp:
      return try_next_address("no answer" + waited);
    default:
      tls_trouble_ = "TLS handshake not finished" + waited;
      return fail_tls(nullptr);
  }
}

void Connection::on_connack_deadline() {
  fail(LinkStage::Connack, ErrorCode::ConnectTimeout,
       "no answer to CONNECT in " + std::to_string(options_.connack_timeout.count()) + " s");
}

void Connection::on_goodbye_deadline() { close(); }

void Connection::log_line(mosquitto*, void* self, int level, const char* text) {
  if (level == MOSQ_LOG_ERR) static_cast<Connection*>(self)->tls_trouble_ = text;
}

void Connection::connack(mosquitto*, void* self, int code, int flags) {
  auto* const connection = static_cast<Connection*>(self);
  if (code == 0) return connection->enter_session((flags & 1) != 0);
  connection->refusal_ = code <= 5 ? code : 0;  // other codes are a protocol error, as told there
}

void Connection::puback(mosquitto*, void* self, int packet_id) {
  auto* const connection = static_cast<Connection*>(self);
  auto& in_flight = connection->in_flight_;
  // In the order sent, nearly always. Also called for QoS 0, as soon as it is written.
  const auto found = std::find_if(in_flight.begin(), in_flight.end(),
                                  [&](const auto& one) { return one.packet_id == packet_id; });
  if (found == in_flight.end()) return;
  const PublishToken token = found->token;
  auto& written = connection->written_bytes_;
  written = std::max(written, found->accepted_by_then);
  in_flight.erase(found);
  if (connection->events_ != nullptr) connection->events_->on_published(token);
}

void Connection::suback(mosquitto*, void* self, int packet_id, int count, const int* granted) {
  constexpr int kGrantedMax = 2;  // MQTT 3.1.1 section 3.9.3: 0x80 is a refusal
  auto* const connection = static_cast<Connection*>(self);
  for (int i = 0; i < count; ++i) {
    if (granted[i] > kGrantedMax) connection->subscription_refused_ = true;
  }
  if (packet_id != connection->last_subscribe_ || connection->events_ == nullptr) return;
  if (connection->subscription_refused_) {
    connection->events_->on_subscription_refused();
  } else {
    connection->events_->on_subscribed();
  }
}

void Connection::unsuback(mosquitto*, void* self, int) {
  auto* const connection = static_cast<Connection*>(self);
  if (connection->events_ != nullptr) connection->events_->on_unsubscribed();
}

void Connection::message(mosquitto*, void* self, const mosquitto_message* message) {
  auto* const connection = static_cast<Connection*>(self);
  if (connection->events_ == nullptr || message->topic == nullptr) return;
  connection->events_->on_message(
      message->topic,
      {static_cast<const char*>(message->payload),
       message->payload == nullptr ? 0 : static_cast<std::size_t>(message->payloadlen)});
}

}  // namespace hubward::platform
