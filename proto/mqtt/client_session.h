// One client's conversation with an MQTT broker (3.1.1 or 5.0), over as many connections as it
// takes: what arrives at QoS 1 is acknowledged when its receiver says so, in order of arrival, and
// many messages may wait for that at once.
//
// No library at hand does this: libmosquitto acknowledges before it hands a message up, Paho after
// its callback returns and so one message at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/mqtt/packet_reader.h"
#include "proto/mqtt/taken_deliveries.h"
#include "proto/time.h"

namespace hubward::mqtt {

struct ClientSettings {
  Version version = Version::V311;
  std::string client_id{};
  std::optional<std::string> user_name{}, password{};
  std::vector<std::string> filters{};  // subscribed at QoS 1 after every connect
  std::chrono::seconds keep_alive{15};
  // From the opening of the connection to the broker's consent to the filters.
  std::chrono::milliseconds attempt_max{8000};
  // The longest a message may wait for its receiver before the connection is given up.
  std::chrono::milliseconds decision_max{10'000};
  std::size_t message_bytes_max = 256 * 1024;
  // More messages than this without a decision end the connection; brokers send 20 to 1,000.
  std::size_t undecided_max = 2000;
};

// What a client publishes, at QoS 1. A broker of 3.1.1 gets topic and payload only.
struct ClientPublish {
  std::string topic{};
  std::string payload{};
  std::string response_topic{}, correlation{};  // empty: none
  // After it the broker delivers it to nobody any more; whole seconds, at least one.
  std::optional<std::chrono::milliseconds> expires_after{};
};

// Messages come. Once a connection, and again where the remark grows later.
struct SessionReady {
  std::string remark{};  // for people: where the broker keeps less than was asked for
};
struct MessageArrived {
  std::uint64_t number;  // for decide(); 0: QoS 0, nobody waits for a decision
  std::string topic;
  std::string payload;
  // The broker had kept it, and sends it because of our subscription. Not that its publisher wanted
  // it kept: subscriptions do not ask for that ("retain as published").
  bool retained;
  std::string correlation{};  // 5.0: what the request had that it answers
};
// A message that nobody can take: acknowledged in its turn, so that it does not come again, and
// dropped.
struct MessageDropped {
  std::string topic;
  ErrorCode code;     // InputTooLong, BadPayload
  std::string why{};  // of BadPayload, for people: what its properties have and may not
};
struct PublishEnded {
  std::uint64_t number;
  bool taken;  // the broker has it; false: see `refusal`
  // Why nobody has it. Empty: the connection ended first, the broker may have it or not.
  std::string refusal{};
  bool nobody_listens = false;  // 5.0: taken, and nobody has subscribed to its topic
  ErrorCode code{};             // of a refusal
};
struct WriteBytes {
  std::vector<std::byte> bytes;
};
// The connection is of no use any more. Close it; then on_open() of the next one.
struct SessionEnded {
  std::string why;                                // for people
  ErrorCode code = ErrorCode::BrokerUnavailable;  // or BrokerDenied
};
using ClientAction = std::variant<SessionReady, MessageArrived, MessageDropped, PublishEnded,
                                  WriteBytes, SessionEnded>;
using ClientActions = std::vector<ClientAction>;

// Single-threaded, no I/O; time is passed in. Actions are appended to `out` and to be carried out
// in their order.
class ClientSession {
 public:
  explicit ClientSession(ClientSettings settings);

  // The connection stands. CONNECT, with a kept session (section 3.1.2.4; 5.0: 3.1.2.11.2).
  void on_open(SteadyTime now, ClientActions& out);
  void on_bytes(std::span<const std::byte> bytes, SteadyTime now, ClientActions& out);
  // The connection is gone, for whatever reason. Answers all publishes under way.
  void on_closed(ClientActions& out);
  void on_timer(SteadyTime now, ClientActions& out);
  [[nodiscard]] std::optional<SteadyTime> deadline() const;

  // True: durable or dropped on purpose, acknowledge it. False: the connection ends, and the broker
  // delivers it again on the next one. Also after the connection has ended: a message that the
  // broker then delivers a second time (same packet id, DUP, same content) is not handed up again.
  void decide(std::uint64_t number, bool taken, SteadyTime now, ClientActions& out);

  [[nodiscard]] bool is_ready() const { return phase_ == Phase::Ready; }
  // While is_ready(). Its end is reported once. It waits here while the broker has as many as it
  // takes at a time (5.0: receive maximum). Error LimitExceeded: too long to be sent, or for this
  // broker.
  [[nodiscard]] Result<std::uint64_t> publish(ClientPublish message, SteadyTime now,
                                              ClientActions& out);
  // What waits here for the broker is never sent any more, and ended for that reason.
  void withdraw_waiting(const Error& why, ClientActions& out);

 private:
  enum class Phase : std::uint8_t { Closed, Connecting, Subscribing, Ready };
  struct Undecided {
    std::uint64_t number;
    Delivery delivery;
    SteadyTime since;
    bool taken = false;  // and waits for those before it to be acknowledged
  };
  struct Held {
    std::uint64_t number;
    Publish packet;
    std::optional<SteadyTime> expires;
  };
  // What the broker said at the CONNACK; 3.1.1 knows no such limits.
  struct BrokerLimits {
    std::size_t receive_max = 65'535;
    std::optional<std::size_t> packet_bytes_max{};
    Qos qos_max = Qos::AtLeastOnce;
    std::chrono::seconds keep_alive{0};
    std::optional<std::chrono::seconds> kept{};  // less than for ever
  };

  void say_hello(SteadyTime now, ClientActions& out);
  void handle(Packet packet, SteadyTime now, ClientActions& out);
  void on_connack(const Connack& connack, SteadyTime now, ClientActions& out);
  void subscribe(SteadyTime now, ClientActions& out);
  void on_suback(const Suback& suback, ClientActions& out);
  void tell_ready(ClientActions& out);
  void remark(std::string words);
  void on_publish(Publish publish, SteadyTime now, ClientActions& out);
  void on_puback(const Puback& puback, SteadyTime now, ClientActions& out);
  void send_held(SteadyTime now, ClientActions& out);
  void end_expired(SteadyTime now, ClientActions& out);
  [[nodiscard]] Status check_size(std::size_t bytes) const;
  void acknowledge_front(SteadyTime now, ClientActions& out);
  void on_pingresp();
  void send(const Packet& packet, SteadyTime now, ClientActions& out);
  void end(std::string why, ClientActions& out, ErrorCode code = ErrorCode::BrokerUnavailable);
  // 5.0, section 4.13: the broker is told why.
  void end(std::string why, std::uint8_t reason, SteadyTime now, ClientActions& out);
  [[nodiscard]] PacketId free_packet_id();

  const ClientSettings settings_;
  Phase phase_ = Phase::Closed;
  PacketReader reader_;
  SteadyTime opened_{}, sent_{}, heard_{};
  std::optional<SteadyTime> ping_sent_;
  std::uint64_t taken_at_ping_ = 0;  // the newest that was taken before it was sent
  std::uint64_t connection_ = 0;     // counts connections
  PacketId last_packet_id_ = 0;
  std::uint64_t last_number_ = 0;
  std::deque<Undecided> undecided_;               // of this connection, in order of arrival
  std::map<std::uint64_t, Delivery> of_earlier_;  // undecided when their connection ended
  TakenDeliveries taken_;                         // acknowledged or about to be
  std::map<PacketId, std::uint64_t> publishing_;  // without their PUBACK
  std::deque<Held> held_;                         // until the broker takes more
  BrokerLimits limits_;                           // of this connection
  std::string remark_;                            // likewise
  std::optional<std::string> told_remark_;        // with SessionReady
};

}  // namespace hubward::mqtt
