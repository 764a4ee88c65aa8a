// The device twin: desired properties that the cloud wishes, reported properties that we answer.
//
//   GET reply  {"desired":{"targetPressure":190,"hydraulics":{"__t":"c","limit":8},"$version":12},
//               "reported":{"serialNumber":"A17","$version":123}}
//   patch in   {"hydraulics":{"__t":"c","limit":9},"$version":13}
//   patch out  {"hydraulics":{"__t":"c","limit":{"value":9,"ac":200,"av":13,"ad":"applied"}}}
//
// Order after each connect: subscribe, get, then ignore patches with a version not above the one
// fetched. Sources: Azure IoT Hub, "Understand and use device twins"; IoT Plug and Play
// conventions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/result.h"

namespace hubward::hub {

// Limits of a twin: desired and reported each, objects inside each other below the root, one
// string, one name, and the integers that every client can hold.
inline constexpr std::size_t kMaxTwinBytes = std::size_t{32} * 1024;
inline constexpr std::size_t kMaxTwinDepth = 10;
inline constexpr std::size_t kMaxTwinStringBytes = std::size_t{4} * 1024;
inline constexpr std::size_t kMaxTwinNameBytes = 1024;
inline constexpr std::int64_t kMaxTwinInteger = std::int64_t{1} << 52;

[[nodiscard]] std::string twin_get_topic(std::string_view rid);
[[nodiscard]] std::string reported_patch_topic(std::string_view rid);

enum class AckCode : int {
  Done = 200,
  InProgress = 202,
  DeviceDefault = 203,  // no wish yet: version 0
  Rejected = 400,
  Failed = 500,
};

struct Acknowledgement {
  AckCode code = AckCode::Done;
  std::int64_t version = 0;
  std::string description;  // for people; empty = not sent
  friend bool operator==(const Acknowledgement&, const Acknowledgement&) = default;
};

// What we reported last for a writable property.
struct ReportedAnswer {
  std::string value;  // JSON text; empty: none
  Acknowledgement ack;
};

struct DesiredProperty {
  std::string component;  // empty for the root component
  std::string name;
  std::string value;                       // JSON text; `null` in a patch: the wish was withdrawn
  std::int64_t version = 0;                // the document's, to be answered as `av`
  std::optional<ReportedAnswer> answered;  // from a GET, if the reported part has an `av`
};

struct DesiredProperties {
  std::int64_t version = 0;
  std::vector<DesiredProperty> properties;
};

struct Twin {
  DesiredProperties desired;
  std::int64_t reported_version = 0;
};

// Body of a GET reply, bare or wrapped in "properties". `components`: the names that the device's
// model knows; the hub's mark "__t":"c" may be missing. Malformed or LimitExceeded otherwise.
[[nodiscard]] Result<Twin> parse_twin(std::string_view body,
                                      std::span<const std::string> components);

// Body of a desired-properties patch; `topic_version` counts if the body has no `$version`.
[[nodiscard]] Result<DesiredProperties> parse_desired_patch(
    std::string_view body, std::int64_t topic_version, std::span<const std::string> components);

struct ReportedProperty {
  std::string component;  // empty for the root component
  std::string name;
  std::string value;                   // JSON text: the actual value; `null` deletes the property
  std::optional<Acknowledgement> ack;  // for writable properties
};

// One patch for all of them, grouped by component; of two with the same name the later one counts.
// Malformed: a value is no JSON. BadValue: a name or number that no twin may hold. LimitExceeded.
[[nodiscard]] Result<std::string> reported_patch(std::span<const ReportedProperty> properties);

}  // namespace hubward::hub
