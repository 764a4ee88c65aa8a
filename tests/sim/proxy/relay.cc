#include "tests/sim/proxy/relay.h"

#include <sys/socket.h>

#include "tests/sim/proxy/connection.h"

namespace hubward::simproxy {

class Relay::Door : public simnet::Watcher {
 public:
  Door(Relay& owner, Target served) : relay(owner), target(std::move(served)) {}
  void on_ready(std::uint32_t) override { relay.accept_from(*this); }

  // With a port of 0 the first opening takes a free one, which stays.
  bool open() {
    listener = simnet::listen_on(target.listen.host, target.listen.port);
    if (!listener) return false;
    target.listen.port = simnet::port_of(listener.get());
    relay.loop_.add(listener.get(), EPOLLIN, *this);
    return true;
  }
  void shut() {
    relay.loop_.remove(listener.get());
    listener = simnet::Descriptor();
  }

  Relay& relay;
  Target target;
  simnet::Descriptor listener;
  TargetCounts counts;
};

Relay::Relay(simnet::EventLoop& loop, RuleBook& rules, RandomSource& random)
    : loop_(loop), rules_(rules), random_(random) {}

Relay::~Relay() = default;

bool Relay::serve(Target target) {
  auto door = std::make_unique<Door>(*this, std::move(target));
  const bool opened = door->open();
  doors_.push_back(std::move(door));
  return opened;
}

void Relay::accept_from(Door& door) {
  for (;;) {
    simnet::Descriptor socket(
        ::accept4(door.listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) return;
    ++door.counts.accepted;
    const ConnectionId id = next_id_++;
    auto connection = std::make_unique<Connection>(loop_, random_, id, door.target,
                                                   std::move(socket), read_clock());
    connection->obey(rules_);
    connections_[id] = std::move(connection);
  }
}

void Relay::apply_rules() {
  for (const auto& door : doors_) {
    const bool wanted = !rules_.refuses(door->target.name);
    if (!wanted && door->listener) door->shut();
    // Taken by somebody else meanwhile: tried again with the next change.
    if (wanted && !door->listener) static_cast<void>(door->open());
  }
  for (const auto& [id, connection] : connections_) connection->obey(rules_);
}

void Relay::settle(SteadyTime now) {
  for (auto entry = connections_.begin(); entry != connections_.end();) {
    Connection& connection = *entry->second;
    connection.settle(now);
    if (!connection.is_over()) {
      ++entry;
      continue;
    }
    for (const auto& door : doors_) {
      if (door->target.name == connection.view().target) connection.add_to(door->counts);
    }
    entry = connections_.erase(entry);
  }
}

std::optional<SteadyTime> Relay::next_due(SteadyTime now) const {
  std::optional<SteadyTime> first;
  for (const auto& [id, connection] : connections_) {
    const auto due = connection->next_due(now);
    if (due && (!first || *due < *first)) first = due;
  }
  return first;
}

std::vector<std::string> Relay::target_names() const {
  std::vector<std::string> names;
  for (const auto& door : doors_) names.push_back(door->target.name);
  return names;
}

std::vector<Relay::TargetView> Relay::targets() const {
  std::vector<TargetView> views;
  for (const auto& door : doors_) {
    TargetView view{door->target, static_cast<bool>(door->listener), door->counts};
    for (const auto& [id, connection] : connections_) {
      if (connection->view().target != door->target.name) continue;
      ++view.counts.open;
      connection->add_to(view.counts);
    }
    views.push_back(view);
  }
  return views;
}

std::vector<ConnectionView> Relay::connections() const {
  std::vector<ConnectionView> views;
  for (const auto& [id, connection] : connections_) views.push_back(connection->view());
  return views;
}

}  // namespace hubward::simproxy
