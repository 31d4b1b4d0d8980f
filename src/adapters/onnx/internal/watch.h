// Ends runs whose deadline has passed or whose caller has gone. The runtime looks at a run's terminate flag
// between two operators; somebody else has to set it, and that is this one thread: it starts with the first
// run that can be stopped, looks at all of them every 5 ms, and sleeps soundly while there are none.
#pragma once

#include <onnxruntime_c_api.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "adapters/onnx/internal/ort_status.h"
#include "ports/backend/backend.h"

namespace slipway::onnx {

// One run at a time, again and again.
class StopSlot {
 public:
  explicit StopSlot(const OrtApi& api) : api_(api), options_(api.ReleaseRunOptions) {}

  Status open();  // once, before anything else
  OrtRunOptions* options() const { return options_.get(); }

  void begin(const backend::RunContext& context);
  Status end();  // why the run was stopped, or ok

  void look(TimePoint now);  // by the watch

  static Status stopped(const backend::RunContext& context, TimePoint now);

 private:
  const OrtApi& api_;
  Owned<OrtRunOptions> options_;

  std::mutex mutex_;  // guards what follows
  bool active_ = false;
  TimePoint deadline_ = TimePoint::max();
  const std::atomic<bool>* cancelled_ = nullptr;
  Status verdict_ = ok();
};

class Watch {
 public:
  Watch() = default;
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void add(StopSlot* slot);  // lives until remove()
  void remove(StopSlot* slot);

  // Around each run that can be stopped.
  void enter();
  void leave() { running_.fetch_sub(1); }

 private:
  void loop();
  void park(std::unique_lock<std::mutex>& lock);

  std::atomic<int> running_{0};
  std::atomic<bool> parked_{true};

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::vector<StopSlot*> slots_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace slipway::onnx
