// The page's files as they are embedded in the program. The table is made at build time by
// page/embed.mjs.
#pragma once

#include <span>
#include <string_view>

namespace hubward::web {

struct PageAsset {
  std::string_view path;  // "/" or "/app.js"
  std::string_view content_type;
  std::string_view etag;  // quoted, from a hash of the content
  std::string_view gzip;  // the content, compressed
};

[[nodiscard]] std::span<const PageAsset> page_assets();

}  // namespace hubward::web
