#include "gateway/platform/signals.h"

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <csignal>
#include <utility>

#include "gateway/platform/asio_loop.h"

namespace hubward::platform {

struct Signals::Impl : std::enable_shared_from_this<Signals::Impl> {
  Impl(AsioLoop& loop, std::function<void(int)> report)
      : signals(loop.context(), SIGTERM, SIGINT, SIGHUP), on_signal(std::move(report)) {}
  void wait() {
    signals.async_wait([weak = weak_from_this()](const std::error_code& error, int signal) {
      const auto self = weak.lock();
      if (error || !self) return;
      self->wait();
      self->on_signal(signal);
    });
  }
  asio::signal_set signals;
  std::function<void(int)> on_signal;
};

Signals::Signals(AsioLoop& loop, std::function<void(int)> on_signal)
    : impl_(std::make_shared<Impl>(loop, std::move(on_signal))) {
  impl_->wait();
}

Signals::~Signals() = default;

}  // namespace hubward::platform
