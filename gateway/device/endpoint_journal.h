// Says once when a hub, or the provisioning service, stops answering and when it is back: in the
// log and in the page's journal. What each of a thousand devices would have to say of it is one
// line.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gateway/api/log.h"
#include "gateway/api/status.h"
#include "gateway/device/admission_desk.h"

namespace hubward::device {

// On the devices' loop; everything given outlives it.
class EndpointJournal {
 public:
  EndpointJournal(const AdmissionDesk& desk, std::string dps_host, StatusSink& status, Log& log,
                  const Clock& clock);

  // How the endpoints stand now; tells what has changed since the last call.
  [[nodiscard]] std::vector<EndpointStatus> look();

 private:
  void tell(const EndpointStatus& endpoint);

  const AdmissionDesk& desk_;
  const std::string dps_host_;
  StatusSink& status_;
  Log& log_;
  const Clock& clock_;
  std::map<std::string, EndpointStatus::State> told_;  // by host
};

}  // namespace hubward::device
