#include "tests/sim/cloud/control.h"

namespace hubward::simcloud {

std::string_view help_text() {
  return R"(simcloud: a simulated DPS and IoT Hubs. All bodies are JSON. Details: README.md.

POST /enroll {"registrationId"|"name","group","key","secondaryKey","hubs","policy","deviceId","polls","desired","assigned"}
POST /enrollments/{name}/disable|enable
GET  /devices            GET /devices/{id}           GET /devices/{id}/twin
GET  /devices/{id}/messages?after=N&limit=M          GET /devices/{id}/ids   GET /devices/{id}/counters
POST /devices/{id}/method {"name","payload","timeout_ms"}   waits for the answer
POST /devices/{id}/twin {..desired patch..}          POST /devices/{id}/c2d {"body"|"text","properties","ttl_s"}
POST /devices/{id}/failover {"to","ttl_s"}           POST /devices/{id}/disable {"until_registered"}
POST /devices/{id}/enable|delete|block|unblock|drop
POST /hubs/{name}/failover {"to","ttl_s"}
GET  /counts             GET /dps
GET  /faults             POST /faults {"kind","target","device","times",..}   DELETE /faults   DELETE /faults/{id}
     kinds: down silent silent_tcp connack close_after_connack puback_delay puback_withhold cut poison
            connect_rate send_rate dps_answer twin_status
POST /config {"token_grace_s","token_lifetime_max_s","clock_offset_ms"}
GET  /trace?device={id}&after=N&plain=1              DELETE /trace?device={id}
)";
}

}  // namespace hubward::simcloud
