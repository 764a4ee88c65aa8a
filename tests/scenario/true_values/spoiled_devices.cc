#include "tests/scenario/true_values/spoiled_devices.h"

#include <poll.h>

#include <algorithm>
#include <utility>

namespace hubward::modbus {

using namespace std::chrono_literals;

std::vector<std::byte> answer_pdu(std::uint8_t line, std::uint8_t unit, const Request& request,
                                  std::uint32_t number) {
  const auto* read = std::get_if<ReadRequest>(&request);
  if (read == nullptr || holds_bits(read->table)) {
    return encode_answer(request, ExceptionAnswer{ExceptionCode::IllegalFunction});
  }
  ReadAnswer answer;
  for (unsigned i = 0; i < read->count; ++i) {
    answer.values.push_back(witness(line, unit, read->table, read->address + i, number));
  }
  return encode_answer(request, answer);
}

SpoiledPlace::At SpoiledDevices::at() {
  return [this](SpoiledPlace::Clock::time_point time, std::function<void()> work) {
    later_.emplace(time, std::move(work));
  };
}

void SpoiledDevices::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<pollfd> waits;
    std::vector<SpoiledPlace*> whose;
    std::vector<int> files;
    for (const auto& place : places_) {
      files.clear();
      place->add_files(files);
      for (const int file : files) {
        waits.push_back({file, POLLIN, 0});
        whose.push_back(place.get());
      }
    }
    std::chrono::nanoseconds wait = 20ms;
    if (!later_.empty()) {
      wait = std::clamp<std::chrono::nanoseconds>(
          later_.begin()->first - SpoiledPlace::Clock::now(), 0ns, wait);
    }
    const timespec until{0, wait.count()};
    ::ppoll(waits.data(), waits.size(), &until, nullptr);
    for (std::size_t i = 0; i < waits.size(); ++i) {
      if ((waits[i].revents & POLLIN) != 0 || (waits[i].revents & (POLLERR | POLLNVAL)) != 0) {
        whose[i]->on_readable(waits[i].fd);
      }
    }
    while (!later_.empty() && later_.begin()->first <= SpoiledPlace::Clock::now()) {
      auto node = later_.extract(later_.begin());
      node.mapped()();
    }
    for (const auto& place : places_) place->on_round();
  }
}

}  // namespace hubward::modbus
