#include "gateway/platform/control_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "gateway/platform/asio_loop.h"
#include "gateway/platform/socket_watch.h"

namespace hubward::platform {
namespace {

tl::unexpected<Error> trouble(const std::string& path, const std::string& why) {
  return failure(ErrorCode::StoreFailed, ErrorKind::Permanent,
                 "control socket " + path + ": " + why);
}

std::string words() { return std::strerror(errno); }  // NOLINT: glibc's is safe

// Who is at the other end: the file's mode says the same, but not on every file system.
bool is_permitted(int client) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == 0 || peer.uid == geteuid());
}

}  // namespace

struct ControlSocket::Shared final : SocketEvents, std::enable_shared_from_this<Shared> {
  // One client, from its connection to its answer.
  struct Client final : SocketEvents {
    Client(Shared& owner_in, std::uint64_t id_in, int descriptor_in)
        : owner(owner_in), id(id_in), descriptor(descriptor_in) {}
    ~Client() {
      owner.loop.sockets().remove(watch);
      owner.loop.cancel(deadline);
      close(descriptor);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    void on_ready(Ready ready) override { owner.on_client(*this, ready); }

    Shared& owner;
    const std::uint64_t id;
    const int descriptor;
    WatchId watch;
    TimerId deadline;
    std::string request;
    std::string answer;  // what is left to write
    bool asked = false;
    bool answered = false;
  };

  Shared(std::string path_in, int listening_in, AsioLoop& loop_in, Handler handler_in)
      : path(std::move(path_in)),
        listening(listening_in),
        loop(loop_in),
        handler(std::move(handler_in)) {}
  ~Shared() {
    clients.clear();
    loop.sockets().remove(watch);
    close(listening);
  }

  void on_ready(Ready) override;
  void on_client(Client& client, Ready ready);
  void read_request(Client& client);
  void answer_client(std::uint64_t id, std::string line);
  void write_answer(Client& client);
  void drop_after(Client& client, std::chrono::seconds time);

  const std::string path;
  const int listening;
  AsioLoop& loop;
  Handler handler;
  WatchId watch;
  std::unordered_map<std::uint64_t, std::unique_ptr<Client>> clients;
  std::uint64_t last_id = 0;
};

void ControlSocket::Shared::on_ready(Ready) {
  const int descriptor = accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) return;
  if (clients.size() >= kClientsMax || !is_permitted(descriptor)) {
    close(descriptor);
    return;
  }
  auto client = std::make_unique<Client>(*this, ++last_id, descriptor);
  client->watch = loop.sockets().add(descriptor, *client, false);
  if (client->watch.value == 0) return;
  drop_after(*client, kRequestTimeMax);
  clients.emplace(client->id, std::move(client));
}

void ControlSocket::Shared::drop_after(Client& client, std::chrono::seconds time) {
  loop.cancel(client.deadline);
  client.deadline =
      loop.call_at(loop.clock().steady() + time, [this, id = client.id] { clients.erase(id); });
}

void ControlSocket::Shared::on_client(Client& client, Ready ready) {
  const auto self = shared_from_this();  // the handler may end everything
  if (ready.writable && client.answered) return write_answer(client);
  if (!client.asked) return read_request(client);
  if (ready.hung_up) clients.erase(client.id);  // it waits no longer
}

void ControlSocket::Shared::read_request(Client& client) {
  std::array<char, 4096> piece;
  const ssize_t count = read(client.descriptor, piece.data(), piece.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count > 0) client.request.append(piece.data(), static_cast<std::size_t>(count));
  const auto end = client.request.find('\n');
  if (end == std::string::npos) {
    if (count <= 0 || client.request.size() > kRequestBytesMax) clients.erase(client.id);
    return;
  }
  client.asked = true;
  client.request.resize(end);
  loop.sockets().want(client.watch, false, false);
  drop_after(client, kAnswerTimeMax);
  handler(std::move(client.request), [weak = weak_from_this(), id = client.id](std::string line) {
    if (const auto self = weak.lock()) self->answer_client(id, std::move(line));
  });
}

void ControlSocket::Shared::answer_client(std::uint64_t id, std::string line) {
  const auto found = clients.find(id);
  if (found == clients.end() || found->second->answered) return;
  Client& client = *found->second;
  client.answered = true;
  client.answer = std::move(line);
  client.answer += '\n';
  drop_after(client, kRequestTimeMax);
  // Written when the loop says so, also the first time: the caller may be the handler.
  loop.sockets().want(client.watch, false, true);
}

void ControlSocket::Shared::write_answer(Client& client) {
  const ssize_t count =
      send(client.descriptor, client.answer.data(), client.answer.size(), MSG_NOSIGNAL);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count > 0) client.answer.erase(0, static_cast<std::size_t>(count));
  if (count <= 0 || client.answer.empty()) clients.erase(client.id);
}

Result<std::unique_ptr<ControlSocket>> ControlSocket::listen(const std::string& path,
                                                             AsioLoop& loop, Handler handler) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return trouble(path, "the path of the state folder is too long for a socket (at most " +
                             std::to_string(sizeof address.sun_path - 1) + " characters)");
  }
  path.copy(address.sun_path, path.size());
  const int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listening < 0) return trouble(path, words());
  unlink(path.c_str());
  const mode_t before = umask(0177);  // the mode the socket is born with
  const bool bound =
      bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  umask(before);
  if (!bound || ::listen(listening, static_cast<int>(kClientsMax)) != 0) {
    auto refused = trouble(path, words());
    close(listening);
    return refused;
  }
  auto shared = std::make_shared<Shared>(path, listening, loop, std::move(handler));
  shared->watch = loop.sockets().add(listening, *shared, false);
  if (shared->watch.value == 0) return trouble(path, words());
  return std::unique_ptr<ControlSocket>(new ControlSocket(std::move(shared)));
}

ControlSocket::ControlSocket(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

ControlSocket::~ControlSocket() { unlink(shared_->path.c_str()); }

}  // namespace hubward::platform
