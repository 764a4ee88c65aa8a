// Status as JSON: for /api/status, `hubward status --json`, the control socket and the live page.
// Times are milliseconds since 1970 (UTC), names end in _ms. All foreign text is valid UTF-8 and
// free of control characters.
#pragma once

#include <string>

#include "gateway/observe/condition.h"
#include "gateway/observe/site_sentence.h"
#include "proto/json.h"

namespace hubward::observe {

// Everything at this moment, without trends: {"now_ms", "site", "devices": [state and values],
// "lines", "newcomers"}.
[[nodiscard]] std::string status_json(const StatusBoard& board);

// One device with trends, its own events and its bad input:
// {"now_ms", "device", "trends": [[[ms, value], ...] per tag], "events", "bad_inputs"}.
[[nodiscard]] std::string device_json(const StatusBoard& board, DeviceIndex device);

// {"now_ms", "bad_inputs": [{"device", "source", "label", "name", "count", "last_ms", "hex",
// "text"}]}, newest first.
[[nodiscard]] std::string bad_inputs_json(const StatusBoard& board);

// The parts, for the live feed.
void write_site(json::Writer& out, const StatusBoard& board, const SiteSummary& summary,
                const std::string& sentence);
// What changes seldom: identity, condition in words, next steps.
void write_device_state(json::Writer& out, const DeviceDescription& description,
                        const DeviceView& view, const Condition& condition);
// What changes with every reading: members for an object that the caller has opened.
void write_device_values(json::Writer& out, const DeviceDescription& description,
                         const DeviceView& view, WallTime now);
void write_event(json::Writer& out, const StatusBoard& board, const SiteEvent& event);

}  // namespace hubward::observe
