#include "proto/dps/connect.h"

#include "proto/percent.h"

namespace hubward::dps {
namespace {

constexpr std::size_t kMaxRegistrationIdLength = 64;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

tl::unexpected<Error> invalid(std::string why) {
  return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, std::move(why));
}

}  // namespace

ConnectFields dps_connect(std::string_view id_scope, std::string_view registration_id,
                          std::string_view agent) {
  std::string user_name(id_scope);
  user_name.append("/registrations/").append(registration_id);
  user_name.append("/api-version=").append(kDpsApiVersion);
  if (!agent.empty()) user_name += "&ClientVersion=" + percent_encode(agent);
  return {std::string(registration_id), std::move(user_name), true, kDpsKeepAlive};
}

Status check_registration_id(std::string_view id) {
  if (id.empty()) return invalid("the registration id is empty");
  if (id.size() > kMaxRegistrationIdLength) {
    return invalid("the registration id has " + std::to_string(id.size()) +
                   " characters, at most 64 are allowed");
  }
  for (const char c : id) {
    if (is_letter_or_digit(c) || c == '-') continue;
    if (c >= 'A' && c <= 'Z') {
      return invalid("the registration id contains the capital letter " + std::string(1, c) +
                     "; write it in lower case");
    }
    return invalid("the registration id may contain only the letters a to z, digits and hyphens");
  }
  if (!is_letter_or_digit(id.front()) || !is_letter_or_digit(id.back())) {
    return invalid("the registration id must begin and end with a letter or a digit");
  }
  return {};
}

}  // namespace hubward::dps
