#include "gateway/config/shapes_in_use.h"

#include <algorithm>

#include "gateway/config/device_file.h"
#include "gateway/config/gateway_file.h"

namespace hubward::config {
namespace {

// The tables are trees, a few levels deep.
void collect(const Shape& shape, std::vector<const Shape*>& found) {
  if (shape.kind == Shape::Kind::Object) {
    if (std::find(found.begin(), found.end(), &shape) != found.end()) return;
    found.push_back(&shape);
  }
  if (shape.item) collect(*shape.item, found);
  for (const auto& field : shape.fields) collect(*field.shape, found);
  for (const auto& [key, alternative] : shape.alternatives) collect(*alternative, found);
}

}  // namespace

const Shape& root_shape(FileKind kind) {
  return kind == FileKind::Gateway ? gateway_record().shape() : device_record().shape();
}

std::vector<const Shape*> objects_in(const Shape& root) {
  std::vector<const Shape*> found;
  collect(root, found);
  return found;
}

}  // namespace hubward::config
