#include "proto/hub/methods.h"

#include "proto/json.h"

namespace hubward::hub {

MethodResponse method_response(std::string_view rid, MethodStatus status, std::string_view body) {
  if (body.size() > kMaxMethodBytes) {
    return method_response(rid, MethodStatus::Failed,
                           message_json("the answer is larger than 128 KB"));
  }
  return {"$iothub/methods/res/" + std::to_string(static_cast<int>(status)) +
              "/?$rid=" + std::string(rid),
          std::string(body)};
}

std::string message_json(std::string_view message) {
  rapidjson::StringBuffer buffer;
  json::Writer writer(buffer);
  writer.StartObject();
  writer.Key("message");
  writer.String(message.data(), static_cast<rapidjson::SizeType>(message.size()));
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize());
}

}  // namespace hubward::hub
