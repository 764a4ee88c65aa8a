#include "gateway/modbus_alone.h"

#include "gateway/platform/asio_loop.h"
#include "gateway/platform/asio_streams.h"
#include "gateway/platform/resolver.h"
#include "gateway/platform/system_clock.h"
#include "gateway/platform/system_limits.h"

namespace hubward {

std::vector<Result<modbus::Answer>> exchange_alone(const modbus::Attachment& attachment,
                                                   const std::vector<modbus::Ask>& asks,
                                                   std::chrono::milliseconds response_timeout,
                                                   const modbus::Exchanges::Heard& heard) {
  platform::bound_name_lookups();
  platform::SystemClock clock;
  platform::AsioLoop loop(clock);
  platform::Resolver resolver;
  platform::AsioStreams streams(resolver);
  std::vector<Result<modbus::Answer>> answers;
  modbus::Exchanges exchanges(attachment, streams, loop, response_timeout);
  loop.post([&] {
    exchanges.run(
        asks,
        [&](std::vector<Result<modbus::Answer>> all) {
          answers = std::move(all);
          loop.stop();
        },
        heard);
  });
  loop.run();
  return answers;
}

}  // namespace hubward
