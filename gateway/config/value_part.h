// What serial and MQTT devices' files say alike about a value: its type, its bytes and its scale.
#pragma once

#include <optional>
#include <string>

#include "gateway/config/device_file.h"
#include "gateway/config/report.h"
#include "proto/extract/binary_field.h"
#include "proto/extract/csv.h"
#include "proto/extract/value.h"

namespace hubward::config {

// Nothing: a type of text.
[[nodiscard]] std::optional<extract::BinaryType> binary_type(SerialType type);
// A binary field's is Number.
[[nodiscard]] extract::TextType text_type(SerialType type);

// `at` is the place of the object that has the keys. `fields.byte` is there.
[[nodiscard]] extract::BinaryField binary_field(const SerialTagFields& fields,
                                                const std::string& at, FileReport& report);
// Scale and offset as the type allows them.
void check_scale(const TagFields& fields, const std::string& at, FileReport& report);

// Text with escapes, as it is written at `pointer`.
[[nodiscard]] std::string bytes_at(const std::string& text, const std::string& pointer,
                                   FileReport& report);
[[nodiscard]] char byte_at(const std::string& text, const std::string& pointer, FileReport& report);
// `at` is the object's own place.
[[nodiscard]] extract::CsvForm csv_form(const CsvFields& fields, const std::string& at,
                                        FileReport& report);

}  // namespace hubward::config
