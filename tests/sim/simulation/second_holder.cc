#include "tests/sim/simulation/second_holder.h"

#include <utility>

namespace hubward::simulation {
namespace {

using namespace std::chrono_literals;

constexpr auto kComesBackAfter = 3s;
constexpr auto kTokenLife = 1h;

}  // namespace

SecondHolder::SecondHolder(simcloud::CloudModel& cloud, SimulatedNetwork& network,
                           std::string device, simcloud::Key key)
    : cloud_(cloud), network_(network), device_(std::move(device)), key_(std::move(key)) {
  connect();
}

SecondHolder::~SecondHolder() {
  *alive_ = false;
  if (connection_ == 0) return;
  network_.forget(connection_);
  cloud_.closed_by_peer(connection_, network_.now());
}

// He knows where the device lives; where it has just moved to, he does not.
void SecondHolder::connect() {
  const simcloud::Device* device = cloud_.world().find_device(device_);
  if (device == nullptr || !device->hub) return come_back();
  const std::string host = cloud_.world().places[*device->hub].host;
  connection_ = network_.new_connection(*this);
  if (cloud_.open(connection_, host, network_.now()) != simcloud::Admission::Accepted) {
    network_.forget(std::exchange(connection_, 0));
    return come_back();
  }
  mqtt::Connect packet;
  packet.client_id = device_;
  packet.user_name = host + "/" + device_ + "/?api-version=2021-04-12";
  packet.password =
      simcloud::make_token(host + "/devices/" + device_, key_, network_.now().wall + kTokenLife);
  packet.keep_alive = 240s;
  packet.clean_session = true;
  cloud_.receive(connection_, std::move(packet), network_.now());
}

void SecondHolder::on_output(simcloud::Output output) {
  if (std::holds_alternative<mqtt::Packet>(output.what)) return;
  network_.forget(std::exchange(connection_, 0));
  come_back();
}

void SecondHolder::come_back() {
  network_.world().call_at(network_.now().steady + kComesBackAfter, [this, alive = alive_] {
    if (!*alive) return;
    connect();
    network_.deliver_outputs();
  });
}

}  // namespace hubward::simulation
