// One attempt to connect and the connection that comes of it: one libmosquitto client, used once.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "gateway/api/mqtt_link.h"
#include "gateway/platform/mosquitto_client.h"
#include "gateway/platform/mosquitto_link.h"
#include "gateway/platform/resolver.h"
#include "gateway/platform/socket_watch.h"
#include "gateway/platform/tls_roots.h"

namespace hubward::platform {

class AsioLoop;
class Connection;

// What all links of an opener share.
struct MosquittoLinkOpener::Shared : std::enable_shared_from_this<MosquittoLinkOpener::Shared> {
  Shared(TlsRoots trusted, Resolver& names, AsioLoop& on)
      : roots(std::move(trusted)), resolver(names), loop(on) {}
  // Connections in session are kept alive (in MQTT's sense) by one timer.
  void keep_alive(Connection& connection);
  void forget(Connection& connection) noexcept;
  void start_sweeping();

  TlsRoots roots;
  Resolver& resolver;
  AsioLoop& loop;
  // Those in session, in groups that are looked at in turn, one a second: with thousands of them a
  // look at each every second is most of what an idle gateway does. The last group is for those
  // whose keep-alive is too short for that, and is looked at every second.
  static constexpr std::size_t kTurns = 5;
  std::array<std::unordered_set<Connection*>, kTurns + 1> in_session;
  std::size_t turn = 0;
  std::size_t next_group = 0;
  bool sweeping = false;
};

// On the loop. Owned by its link and, for the length of a call or a goodbye, by whoever runs it: an
// event may drop the link, and libmosquitto must not lose its client inside its own callback.
class Connection final : public SocketEvents, public std::enable_shared_from_this<Connection> {
 public:
  using Shared = MosquittoLinkOpener::Shared;

  Connection(std::shared_ptr<Shared> shared, MqttLinkEvents& events, MqttConnect options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();
  void subscribe(const std::vector<Subscription>& subscriptions);
  void unsubscribe(const std::string& filter);
  [[nodiscard]] bool publish(std::string_view topic, std::string_view payload, Qos qos,
                             PublishToken token);
  void say_goodbye() noexcept;  // DISCONNECT, a bounded time to send it, close; no event
  void drop() noexcept;         // close; no event

  void on_ready(Ready ready) override;
  void keep_alive();
  [[nodiscard]] bool is_impatient() const;

 private:
  enum class Stage : std::uint8_t { Name, Tcp, Tls, Connack, Session, Goodbye, Closed };
  struct Unacknowledged {
    int packet_id;
    PublishToken token;
    std::uint64_t accepted_by_then;  // accepted_bytes_ with this message
  };

  [[nodiscard]] bool make_client();
  void on_addresses(const Resolver::Answer& answer);
  void try_next_address(std::string last_trouble);
  void on_tcp_ready();
  void on_tls_ready(bool hung_up);
  void on_packets(Ready ready);
  // One step of libmosquitto, which may call us back.
  int step(int (*call)(mosquitto*, int));
  // Ends the connection if `code` (of libmosquitto) says that it broke; false then.
  bool goes_on(int code, bool hung_up);
  void flush();  // writes what waits and watches for writability as needed
  void set_deadline(std::chrono::nanoseconds from_now, void (Connection::*expired)());
  void on_transport_deadline();
  void on_connack_deadline();
  void on_goodbye_deadline();
  void enter_session(bool session_present);
  void unwatch() noexcept;
  void close() noexcept;
  void fail(LinkStage stage, ErrorCode code, std::string context);
  void fail_tls(const HandshakeHost* host);
  [[nodiscard]] std::string where()
      const;  // "10.0.0.5 port 8883: "; whoever connects knows the host

  static void log_line(mosquitto*, void* self, int level, const char* text);
  static void connack(mosquitto*, void* self, int code, int flags);
  static void puback(mosquitto*, void* self, int packet_id);
  static void suback(mosquitto*, void* self, int packet_id, int count, const int* granted);
  static void unsuback(mosquitto*, void* self, int packet_id);
  static void message(mosquitto*, void* self, const mosquitto_message* message);

  friend Shared;  // for the group
  const std::shared_ptr<Shared> shared_;
  std::size_t group_ = 0;   // of Shared::in_session
  MqttLinkEvents* events_;  // null: nobody listens any more
  MqttConnect options_;     // without its password once that is handed over
  Stage stage_ = Stage::Name;
  ClientHandle client_;
  WatchId watch_;
  TimerId deadline_;
  SteadyTime transport_ends_;
  std::vector<std::string> addresses_;  // to be tried, next one last
  std::string address_;                 // being tried
  int early_error_ = 0;                 // errno of a connection that failed at once
  std::string tls_trouble_;             // OpenSSL's last line while connecting
  std::vector<Unacknowledged> in_flight_;
  // Of all publishes, since the connection began. What is surely written: all of it whenever
  // nothing is left to write, and whatever came before an acknowledged message. The difference is
  // never less than what waits here.
  std::uint64_t accepted_bytes_ = 0;
  std::uint64_t written_bytes_ = 0;
  int last_subscribe_ = 0;
  int refusal_ = 0;
  bool subscription_refused_ = false;
  bool stepping_ = false;  // inside step(): libmosquitto needs its client
  bool broken_ = false;    // a write failed inside publish(); told on the next turn
};

}  // namespace hubward::platform
