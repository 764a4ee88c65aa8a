// A device model: what is the same of many devices, written once. A device's file names it with
// "model" and may say more, or something else.
#pragma once

#include <string>
#include <vector>

#include "gateway/config/document.h"
#include "gateway/config/file_source.h"
#include "gateway/config/shape.h"

namespace hubward::config {

// Fills in what the model that `device` names says and the device does not: members of the one
// object in "attach" (whichever that is in the device; keys it does not know are left out), tags
// (one of the device with the same name and component changes keys of the model's), model_id and
// expected_messages_per_minute. Everything that comes from the model stands where "model" does.
// Looked for in DIR/models first, then among the ready-made ones. What is wrong with the model is
// told as of that place.
[[nodiscard]] std::vector<SyntaxProblem> add_model(Node& device, const Shape& device_shape,
                                                   const std::string& folder,
                                                   const FileSource& files);

}  // namespace hubward::config
