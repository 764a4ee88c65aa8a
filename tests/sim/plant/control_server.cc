#include "tests/sim/plant/control_server.h"

#include <httplib.h>

#include <functional>
#include <string>
#include <thread>
#include <utility>

namespace hubward::plant {
namespace {

using Devices = std::span<const std::unique_ptr<Device>>;

void text(json::Writer& writer, std::string_view value) {
  writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

std::string error_body(std::string_view why) {
  rapidjson::StringBuffer buffer;
  json::Writer writer(buffer);
  writer.StartObject();
  writer.Key("error");
  text(writer, why);
  writer.EndObject();
  return buffer.GetString();
}

// {"<id>": <what `part` writes>, ...}
std::string by_device(Devices devices, const std::string& only,
                      const std::function<void(Device&, json::Writer&)>& part) {
  rapidjson::StringBuffer buffer;
  json::Writer writer(buffer);
  writer.StartObject();
  for (const auto& device : devices) {
    if (!only.empty() && device->id() != only) continue;
    writer.Key(device->id().data(), static_cast<rapidjson::SizeType>(device->id().size()));
    part(*device, writer);
  }
  writer.EndObject();
  return buffer.GetString();
}

Status set_rate(Device& device, const json::Value& order) {
  const auto rate = json::as_double(json::find(order, "messages_per_s"));
  if (!rate) return refused("give \"messages_per_s\"");
  return device.set_rate(*rate);
}

Status act(Device& device, const std::string& verb, const json::Value& order) {
  if (verb == "start") {
    device.start();
  } else if (verb == "stop") {
    device.stop();
  } else if (verb == "heal") {
    device.heal();
  } else if (verb == "fault") {
    return device.inject(order);
  } else if (verb == "send") {
    return device.send(order);
  } else if (verb == "unplug" || verb == "plug") {
    return device.plug(verb == "plug");
  } else if (verb == "rate") {
    return set_rate(device, order);
  } else {
    return refused("no such order: " + verb);
  }
  return {};
}

}  // namespace

class ControlServer::Impl {
 public:
  explicit Impl(Devices devices) : devices_(devices) {
    look("/counts", [](Device& device, json::Writer& writer) {
      writer.StartObject();
      device.log.write(writer);
      device.write_counters(writer);
      writer.EndObject();
    });
    look("/registers", [](Device& device, json::Writer& writer) { device.write_values(writer); });
    look("/writes", [](Device& device, json::Writer& writer) { device.write_writes(writer); });
    server_.Get("/plant", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(describe_plant(devices_, port_), "application/json");
    });
    take(R"(/devices/([a-z0-9-]+)/([a-z]+))",
         [this](const httplib::Request& request, const std::string& body,
                httplib::Response& response) { order(request, body, response); });
    take("/counts/clear",
         [this](const httplib::Request&, const std::string&, httplib::Response& response) {
           for (const auto& device : devices_) device->log.clear();
           response.set_content("{}", "application/json");
         });
    take(R"(/(start|stop))",
         [this](const httplib::Request& request, const std::string&, httplib::Response& response) {
           for (const auto& device : devices_) {
             request.matches[1] == "start" ? device->start() : device->stop();
           }
           response.set_content("{}", "application/json");
         });
  }

  int listen(int port) {
    port_ = port != 0 ? (server_.bind_to_port("127.0.0.1", port) ? port : -1)
                      : server_.bind_to_any_port("127.0.0.1");
    if (port_ > 0) {
      thread_ = std::jthread([this]() noexcept { server_.listen_after_bind(); });
    }
    return port_;
  }

  void stop() {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
  }

 private:
  // GET /what for all devices, GET /what/<id> for one.
  void look(const std::string& path, std::function<void(Device&, json::Writer&)> part) {
    server_.Get(path + R"((?:/([a-z0-9-]+))?)", [this, part = std::move(part)](
                                                    const httplib::Request& request,
                                                    httplib::Response& response) {
      response.set_content(by_device(devices_, request.matches[1], part), "application/json");
    });
  }

  // POST. Left to itself cpp-httplib waits for a body where no header announces one, and then
  // refuses the request: `curl -X POST` sends none.
  void take(
      const std::string& path,
      std::function<void(const httplib::Request&, const std::string& body, httplib::Response&)>
          work) {
    server_.Post(
        path, [work = std::move(work)](const httplib::Request& request, httplib::Response& response,
                                       const httplib::ContentReader& read) {
          std::string body;
          if (request.has_header("Content-Length") || request.has_header("Transfer-Encoding")) {
            read([&body](const char* data, std::size_t size) {
              body.append(data, size);
              return true;
            });
          }
          work(request, body, response);
        });
  }

  void order(const httplib::Request& request, const std::string& body,
             httplib::Response& response) {
    const auto refuse = [&response](int status, std::string_view why) {
      response.status = status;
      response.set_content(error_body(why), "application/json");
    };
    const auto parsed = json::parse(body.empty() ? "{}" : body);
    if (!parsed) return refuse(400, parsed.error().context);
    const std::string wanted = request.matches[1];
    for (const auto& device : devices_) {
      if (device->id() != wanted) continue;
      if (const auto done = act(*device, request.matches[2], *parsed); !done) {
        return refuse(400, done.error().context);
      }
      response.set_content("{}", "application/json");
      return;
    }
    refuse(404, "no device " + wanted);
  }

  Devices devices_;
  int port_ = 0;
  httplib::Server server_;
  std::jthread thread_;
};

ControlServer::ControlServer(Devices devices) : impl_(std::make_unique<Impl>(devices)) {}
ControlServer::~ControlServer() { stop(); }
int ControlServer::listen(int port) { return impl_->listen(port); }
void ControlServer::stop() { impl_->stop(); }

std::string describe_plant(Devices devices, int control_port) {
  rapidjson::StringBuffer buffer;
  json::Writer writer(buffer);
  writer.StartObject();
  writer.Key("control");
  writer.String("http://127.0.0.1:" + std::to_string(control_port));
  writer.Key("devices");
  writer.StartArray();
  for (const auto& device : devices) {
    writer.StartObject();
    writer.Key("id");
    text(writer, device->id());
    writer.Key("kind");
    text(writer, device->kind());
    device->describe(writer);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return buffer.GetString();
}

}  // namespace hubward::plant
