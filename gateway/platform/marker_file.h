#pragma once

#include <memory>
#include <optional>
#include <string>

#include "gateway/api/loop.h"
#include "gateway/api/marker.h"
#include "gateway/platform/work_thread.h"

namespace hubward::platform {

// A file that is there or not. The disk is waited for on a thread of its own, which begins with the
// first call: most gateways never need one. `loop` outlives it.
class MarkerFile final : public Marker {
 public:
  MarkerFile(std::string path, Loop& loop);
  ~MarkerFile() override;

  [[nodiscard]] bool stood() const override { return stood_; }
  void put(std::function<void(const Status&)> done) override;
  void clear(std::function<void(const Status&)> done) override;

 private:
  void run(Status (*work)(const std::string&), std::function<void(const Status&)> done);

  const std::string path_;
  Loop& loop_;
  const bool stood_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // the loop's alone
  std::optional<WorkThread> thread_;
};

}  // namespace hubward::platform
