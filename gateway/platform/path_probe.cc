#include "gateway/platform/path_probe.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "gateway/platform/resolver.h"
#include "gateway/platform/tls_look.h"

namespace hubward::platform {
namespace {

using namespace std::chrono_literals;
using SteadyPoint = std::chrono::steady_clock::time_point;

// The least one address gets before the next is tried.
constexpr auto kAddressMin = 2s;

std::chrono::milliseconds since(SteadyPoint begin) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               begin);
}

struct Socket {
  explicit Socket(int with) : descriptor(with) {}
  ~Socket() {
    if (descriptor >= 0) close(descriptor);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  const int descriptor;
};

// 0, or errno; ETIMEDOUT also where this end gave up.
int connect_within(const std::string& address, std::uint16_t port, SteadyPoint until,
                   const std::atomic<bool>& stop, std::unique_ptr<Socket>& connected) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    return EINVAL;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  connected = std::make_unique<Socket>(
      socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int descriptor = connected->descriptor;
  if (descriptor < 0) return errno;
  if (connect(descriptor, found->ai_addr, found->ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!wait_ready(descriptor, true, until, stop)) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

// TCP and TLS, waiting, on a thread of the probe.
void walk(PathFindings& findings, const TlsLook& look, const std::atomic<bool>& stop) {
  const auto begin = std::chrono::steady_clock::now();
  const SteadyPoint end = begin + NetworkPathProbe::kTcpMax;
  std::unique_ptr<Socket> connected;
  int error = ETIMEDOUT;
  for (std::size_t i = 0; i < findings.addresses.size() && !stop; ++i) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= end) break;
    const auto share = (end - now) / static_cast<int>(findings.addresses.size() - i);
    const SteadyPoint until = std::min<SteadyPoint>(
        end, now + std::max<std::chrono::steady_clock::duration>(share, kAddressMin));
    findings.address = findings.addresses[i];
    error = connect_within(findings.address, findings.port, until, stop, connected);
    if (error == 0) break;
  }
  findings.tcp = PathStep{since(begin), std::nullopt};
  if (error != 0) {
    findings.tcp->trouble =
        Error{ErrorCode::Unreachable, ErrorKind::Transient,
              error == ETIMEDOUT ? "no answer" : std::strerror(error)};  // NOLINT: glibc's is safe
    return;
  }
  look.at(connected->descriptor, std::chrono::steady_clock::now() + NetworkPathProbe::kTlsMax, stop,
          findings);
}

}  // namespace

struct NetworkPathProbe::Shared {
  explicit Shared(TlsLook with) : look(std::move(with)) {}
  const TlsLook look;
  std::atomic<bool> stop{false};
  NetworkPathProbe* owner = nullptr;  // the loop's alone; null once the probe is gone
};

// One probe, from the name to the answer.
struct NetworkPathProbe::Task {
  PathFindings findings;
  std::function<void(PathFindings)> done;
  SteadyTime begin;
  TimerId deadline;
  bool name_answered = false;
};

Result<std::unique_ptr<NetworkPathProbe>> NetworkPathProbe::create(const std::string& roots_file,
                                                                   Resolver& resolver, Loop& loop) {
  auto look = TlsLook::with_roots(roots_file);
  if (!look) return tl::unexpected(look.error());
  return std::unique_ptr<NetworkPathProbe>(
      new NetworkPathProbe(std::make_shared<Shared>(std::move(*look)), resolver, loop));
}

NetworkPathProbe::NetworkPathProbe(std::shared_ptr<Shared> shared, Resolver& resolver, Loop& loop)
    : shared_(std::move(shared)), resolver_(resolver), loop_(loop) {
  shared_->owner = this;
}

NetworkPathProbe::~NetworkPathProbe() {
  shared_->owner = nullptr;
  shared_->stop = true;
}

void NetworkPathProbe::probe(const std::string& host, std::uint16_t port,
                             std::function<void(PathFindings)> done) {
  const auto task = std::make_shared<Task>();  // shared by the steps' answers
  task->findings.host = host;
  task->findings.port = port;
  task->findings.at = loop_.clock().wall();
  task->done = std::move(done);
  task->begin = loop_.clock().steady();
  if (++under_way_ > kUnderWayMax) {
    task->findings.name.trouble = Error{ErrorCode::LimitExceeded, ErrorKind::Transient,
                                        "too many hosts are being looked at; ask again"};
    loop_.post([shared = shared_, task] {
      if (shared->owner != nullptr) shared->owner->finish(task);
    });
    return;
  }
  task->deadline = loop_.call_at(task->begin + kNameMax, [shared = shared_, task] {
    if (shared->owner == nullptr) return;
    shared->owner->on_name(task, failure(ErrorCode::NameUnknown, ErrorKind::Transient,
                                         "the name server does not answer"));
  });
  resolver_.resolve(host, loop_,
                    [shared = shared_, task](const Result<std::vector<std::string>>& addresses) {
                      if (shared->owner != nullptr) shared->owner->on_name(task, addresses);
                    });
}

void NetworkPathProbe::on_name(const std::shared_ptr<Task>& task,
                               const Result<std::vector<std::string>>& addresses) {
  if (std::exchange(task->name_answered, true)) return;
  loop_.cancel(task->deadline);
  task->findings.name.took =
      std::chrono::duration_cast<std::chrono::milliseconds>(loop_.clock().steady() - task->begin);
  if (!addresses) {
    task->findings.name.trouble = addresses.error();
    return finish(task);
  }
  task->findings.addresses = *addresses;
  threads_[next_thread_++ % threads_.size()].run([shared = shared_, task, &loop = loop_] {
    walk(task->findings, shared->look, shared->stop);
    loop.post([shared, task] {
      if (shared->owner != nullptr) shared->owner->finish(task);
    });
  });
}

void NetworkPathProbe::finish(const std::shared_ptr<Task>& task) {
  --under_way_;
  std::exchange(task->done, nullptr)(std::move(task->findings));
}

}  // namespace hubward::platform
