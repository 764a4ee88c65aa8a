// A device twin: two JSON documents with versions, changed by merge patches (RFC 7396).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/json.h"

namespace hubward::simcloud {

class Twin {
 public:
  Twin();

  // The patch is applied and the version grows by one; returns the new version. Malformed if the
  // text is no JSON object, LimitExceeded if the result would pass the size or depth limit; the
  // twin is then unchanged. A `$version` member in a patch is ignored.
  Result<std::int64_t> patch_desired(std::string_view patch);
  Result<std::int64_t> patch_reported(std::string_view patch);

  // {"desired":{..,"$version":1},"reported":{..,"$version":1}}
  [[nodiscard]] std::string to_text() const;
  std::int64_t desired_version() const { return desired_version_; }
  std::int64_t reported_version() const { return reported_version_; }

 private:
  json::Document desired_;
  json::Document reported_;
  std::int64_t desired_version_ = 1;
  std::int64_t reported_version_ = 1;
};

// The patch as a device is told about it: with `$version` at its root.
[[nodiscard]] std::string with_version(std::string_view patch, std::int64_t version);

}  // namespace hubward::simcloud
