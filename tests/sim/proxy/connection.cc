#include "tests/sim/proxy/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace hubward::simproxy {
namespace {

// Small pieces are wanted to leave as such.
void send_at_once(int fd) {
  const int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

std::uint16_t peer_port(int fd) {
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size);
  return ntohs(peer.sin_port);
}

}  // namespace

Connection::Connection(simnet::EventLoop& loop, RandomSource& random, ConnectionId id,
                       const Target& target, simnet::Descriptor client, SteadyTime now)
    : loop_(loop), id_(id), target_(target), since_(now), up_(random), down_(random) {
  client_.socket = std::move(client);
  client_port_ = peer_port(client_.socket.get());
  send_at_once(client_.socket.get());
  loop_.add(client_.socket.get(), 0, client_);
}

Connection::~Connection() {
  close(client_, Ending::Goodbye);
  close(server_, Ending::Goodbye);
}

void Connection::obey(RuleBook& rules) {
  const bool hangs = rules.hangs(id_, target_.name);
  // What was treated by rules before it was connected is a connection like any other.
  if (hanging_ && !hangs) connect_upstream();
  hanging_ = hanging_ && hangs;
  up_.set_treatment(rules.treatment(id_, target_.name, Direction::Up));
  down_.set_treatment(rules.treatment(id_, target_.name, Direction::Down));
  up_.set_cuts(rules.cuts(id_, target_.name, Direction::Up));
  down_.set_cuts(rules.cuts(id_, target_.name, Direction::Down));
}

void Connection::connect_upstream() {
  server_.socket =
      simnet::Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  send_at_once(server_.socket.get());
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(target_.upstream.port);
  ::inet_pton(AF_INET, target_.upstream.host.c_str(), &where.sin_addr);
  server_.connecting = true;
  server_.watched = EPOLLOUT;
  loop_.add(server_.socket.get(), server_.watched, server_);
  const int begun =
      ::connect(server_.socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where);
  if (begun != 0 && errno != EINPROGRESS) {
    not_reached_ = true;
    end_both(Ending::Reset);
  }
}

void Connection::on_ready(End& end, std::uint32_t events) {
  if (end.gone || over_) return;
  if (end.connecting) finish_connecting(end);
  if (end.gone || over_) return;
  if ((events & EPOLLOUT) != 0) end.blocked = false;
  const bool broken = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if ((events & EPOLLIN) != 0 || broken) read(end, broken);
  // Nothing comes after that, and epoll would report it for ever.
  if (broken && !end.gone) lose(end);
}

void Connection::finish_connecting(End& end) {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(end.socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  end.connecting = false;
  if (error == 0) return;
  not_reached_ = true;
  end_both(Ending::Reset);
}

// `all`: the socket has ended, so that nothing may be left in it.
void Connection::read(End& end, bool all) {
  std::array<char, 16 * 1024> buffer;
  while (!end.silent && (all || end.in.has_room())) {
    const auto count = ::recv(end.socket.get(), buffer.data(), buffer.size(), 0);
    if (count > 0) {
      end.in.receive(std::string_view(buffer.data(), static_cast<std::size_t>(count)),
                     read_clock());
    } else if (count == 0) {
      end.silent = true;
      end.in.sender_ended(Ending::Goodbye, read_clock());
    } else if (errno == EAGAIN || errno == EINTR) {
      return;
    } else {
      lose(end);
      return;
    }
  }
}

// The socket is of no more use: the other side is told, if the lane lets it know.
void Connection::lose(End& end) {
  const bool had_said_so = end.silent;
  close(end, Ending::Goodbye);
  end.silent = true;
  if (!had_said_so) end.in.sender_ended(Ending::Reset, read_clock());
}

void Connection::settle(SteadyTime now) {
  for (End* end : {&client_, &server_}) {
    if (over_) return;
    write(*end, now);
  }
  for (End* end : {&client_, &server_}) {
    if (over_) return;
    tell_end(*end, now);
  }
  const bool nobody_left = client_.gone && (server_.gone || hanging_);
  if (nobody_left || (client_.told && server_.told)) return end_both(Ending::Goodbye);
  watch(client_);
  if (!hanging_) watch(server_);
}

void Connection::write(End& end, SteadyTime now) {
  if (end.connecting || end.blocked || (hanging_ && &end == &server_)) return;
  for (;;) {
    if (const auto how = end.out.cut_due()) {
      was_cut_ = true;
      return end_both(*how);
    }
    const std::string_view bytes = end.out.writable(now);
    if (bytes.empty()) return;
    if (end.gone) {  // towards a peer that is no more
      end.out.written(bytes.size());
      continue;
    }
    const auto count = ::send(end.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      end.out.written(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN || errno == EINTR) {
      end.blocked = true;
      return;
    } else {
      lose(end);
    }
  }
}

void Connection::tell_end(End& end, SteadyTime now) {
  if (end.told || end.connecting || (hanging_ && &end == &server_)) return;
  const auto how = end.out.end_due(now);
  if (!how) return;
  if (*how == Ending::Reset) return end_both(Ending::Reset);
  end.told = true;
  if (!end.gone) ::shutdown(end.socket.get(), SHUT_WR);
}

void Connection::end_both(Ending how) {
  over_ = true;
  close(client_, how);
  close(server_, how);
}

void Connection::close(End& end, Ending how) {
  if (!end.socket) {
    end.gone = end.gone || !hanging_;
    return;
  }
  if (how == Ending::Reset) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(end.socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  } else {
    // Unread bytes would turn the goodbye into a reset.
    std::array<char, 4096> rest;
    while (::recv(end.socket.get(), rest.data(), rest.size(), MSG_DONTWAIT) > 0) {
    }
  }
  loop_.remove(end.socket.get());
  end.socket = simnet::Descriptor();
  end.gone = true;
}

void Connection::watch(End& end) {
  if (end.gone) return;
  std::uint32_t wanted = 0;
  if (!hanging_ && !end.silent && end.in.has_room()) wanted |= EPOLLIN;
  if (end.connecting || end.blocked) wanted |= EPOLLOUT;
  if (wanted == end.watched) return;
  end.watched = wanted;
  loop_.change(end.socket.get(), wanted, end);
}

std::optional<SteadyTime> Connection::next_due(SteadyTime now) const {
  std::optional<SteadyTime> first;
  for (const End* end : {&client_, &server_}) {
    if (end->connecting || end->blocked || end->told) continue;
    const auto due = end->out.next_due(now);
    if (due && (!first || *due < *first)) first = due;
  }
  return first;
}

ConnectionView Connection::view() const {
  return {.id = id_,
          .target = target_.name,
          .client_port = client_port_,
          .since = since_,
          .hanging = hanging_,
          .up = &up_,
          .down = &down_};
}

void Connection::add_to(TargetCounts& counts) const {
  counts.cut += was_cut_ ? 1 : 0;
  counts.not_reached += not_reached_ ? 1 : 0;
  counts.bytes_up += up_.passed();
  counts.bytes_down += down_.passed();
  counts.swallowed_up += up_.swallowed();
  counts.swallowed_down += down_.swallowed();
}

}  // namespace hubward::simproxy
