#include "gateway/platform/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace hubward::platform {
namespace {

bool is_address(const std::string& host) {
  in6_addr ignored{};
  return inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

std::string words_for(int lookup_error) {
  switch (lookup_error) {
    case EAI_NONAME:
    case EAI_NODATA:
      return "no such name";
    case EAI_AGAIN:
      return "the name server does not answer";
    default:
      return gai_strerror(lookup_error);
  }
}

}  // namespace

struct Resolver::Shared {
  struct Waiter {
    Loop* loop;
    std::function<void(Answer)> done;
  };
  struct Host {
    std::vector<Waiter> waiters;
    std::size_t queued = 0;   // lookups not taken by a thread yet
    std::size_t running = 0;  // lookups inside a thread
    std::chrono::steady_clock::time_point newest_start;
  };

  explicit Shared(Lookup with) : lookup(std::move(with)) {}

  const Lookup lookup;
  std::mutex mutex;  // guards everything below
  std::condition_variable work;
  std::map<std::string, Host> hosts;
  std::vector<std::string> queue;  // hosts to look up, oldest first
  std::size_t waiting = 0;
  std::size_t threads = 0;
  std::size_t idle = 0;
  bool closed = false;
};

namespace {

// The life of one thread. Noexcept: a lookup that throws is our own bug.
template <class Shared>
void serve(const std::shared_ptr<Shared>& shared) noexcept {
  std::unique_lock lock(shared->mutex);
  while (!shared->closed) {
    if (shared->queue.empty()) {
      ++shared->idle;
      shared->work.wait(lock);
      --shared->idle;
      continue;
    }
    const std::string name = std::move(shared->queue.front());
    shared->queue.erase(shared->queue.begin());
    --shared->hosts[name].queued;
    ++shared->hosts[name].running;
    shared->hosts[name].newest_start = std::chrono::steady_clock::now();

    lock.unlock();
    const auto answer = shared->lookup(name);
    lock.lock();
    if (shared->closed) return;

    auto& host = shared->hosts[name];
    --host.running;
    const auto waiters = std::exchange(host.waiters, {});
    shared->waiting -= waiters.size();
    if (host.running == 0 && host.queued == 0) shared->hosts.erase(name);
    // Posted under the lock, so that none is posted once the destructor has taken it: the loop may
    // be gone by then. post() never runs anything itself.
    for (const auto& waiter : waiters) {
      waiter.loop->post([done = waiter.done, answer] { done(answer); });
    }
  }
}

}  // namespace

Resolver::Resolver(Lookup lookup) : shared_(std::make_shared<Shared>(std::move(lookup))) {}

Resolver::~Resolver() {
  std::map<std::string, Shared::Host> abandoned;  // destroyed outside the lock
  const std::lock_guard lock(shared_->mutex);
  shared_->closed = true;
  abandoned.swap(shared_->hosts);
  shared_->work.notify_all();
}

void Resolver::resolve(const std::string& host, Loop& loop, std::function<void(Answer)> done) {
  if (is_address(host)) {
    loop.post([done = std::move(done), host] { done(Answer{std::vector<std::string>{host}}); });
    return;
  }
  const std::lock_guard lock(shared_->mutex);
  if (shared_->waiting >= kWaitingMax) {
    loop.post([done = std::move(done)] {
      done(failure(ErrorCode::LimitExceeded, ErrorKind::Transient, "too many name lookups wait"));
    });
    return;
  }
  ++shared_->waiting;
  auto& entry = shared_->hosts[host];
  entry.waiters.push_back({&loop, std::move(done)});
  const bool overdue = entry.running > 0 && entry.running < kThreadsPerHostMax &&
                       std::chrono::steady_clock::now() - entry.newest_start > kSecondLookupAfter;
  if (entry.queued > 0 || (entry.running > 0 && !overdue)) return;  // shares the one under way

  ++entry.queued;
  shared_->queue.push_back(host);
  if (shared_->idle < shared_->queue.size() && shared_->threads < kThreadsMax) {
    try {
      // Detached, because nothing can interrupt getaddrinfo and a clean stop must not wait for a
      // dead name server. The thread owns all it touches, and after the destructor no loop.
      std::thread([shared = shared_] { serve(shared); }).detach();
      ++shared_->threads;
      return;
    } catch (const std::system_error&) {
      // No thread to be had now: those that exist take it, or the caller's time-out does.
    }
  }
  shared_->work.notify_one();
}

Resolver::Answer Resolver::system_lookup(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;  // no IPv6 addresses where this machine has none itself
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return failure(ErrorCode::NameUnknown, ErrorKind::Transient, host + ": " + words_for(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  std::vector<std::string> addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(one->ai_addr, one->ai_addrlen, text.data(), text.size(), nullptr, 0,
                    NI_NUMERICHOST) == 0) {
      addresses.emplace_back(text.data());
    }
  }
  if (addresses.empty()) {
    return failure(ErrorCode::NameUnknown, ErrorKind::Transient, host + ": no usable address");
  }
  return addresses;
}

std::string without_host(const Error& why, const std::string& host) {
  const std::string place = host + ": ";
  return why.context.starts_with(place) ? why.context.substr(place.size()) : why.context;
}

}  // namespace hubward::platform
