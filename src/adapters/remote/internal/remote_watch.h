// One watch: a thread reads the server's events into a bounded queue. While what was there at the beginning
// is being read, the thread waits for room; later, who does not take is cut off.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <thread>

#include "ports/store/store.h"
#include "system/kube/watch.h"
#include "system/runtime/mutex.h"

namespace slipway::remote {

struct WatchSettings {
  int timeout_ms = 30'000;
  size_t waiting_events = 8'192;
  Duration longest_wait = std::chrono::seconds(30);
  Duration behind_wait = std::chrono::seconds(15);
  std::shared_ptr<kube::RetryRow> row;
  kube::ApiMetrics* metrics = nullptr;
};

class RemoteWatch final : public store::Watch {
 public:
  RemoteWatch(const kube::Access& access, const runtime::Clock& clock, store::Kind kind,
              const store::WatchOptions& options, WatchSettings settings);
  ~RemoteWatch() override;

  Result<std::optional<store::Event>> try_next() override;
  Result<std::optional<store::Event>> next(Duration patience) override;
  void on_ready(std::function<void()> call) override;
  uint64_t resource_version() const override;
  bool lost() const override { return lost_; }

 private:
  using Taken = Result<std::optional<store::Event>>;
  // A change; or a version alone, as bookmarks have it.
  struct Item {
    std::unique_ptr<store::Event> event;  // null: only the version moves
    uint64_t version = 0;
  };

  kube::WatchOptions watch_options();
  void on_retry(const kube::ApiError& why, Duration wait);
  bool wait_for_it(const kube::ApiError& too_new);
  // The thread's.
  void read_until_stopped();
  Status read_one();
  Status put_object(store::Change change, const kube::Object& object);
  Status put_version(const kube::WatchEvent& bookmark);
  Status put(Item item) SLIPWAY_EXCLUDES(mutex_);
  Error why_ended(const kube::ApiError& error) const;
  void end(Error why) SLIPWAY_EXCLUDES(mutex_);
  void tell() SLIPWAY_EXCLUDES(mutex_);

  Taken take() SLIPWAY_REQUIRES(mutex_);

  const store::Kind kind_;
  const WatchSettings settings_;
  const runtime::Clock& clock_;
  kube::Watch watch_;
  // The thread's.
  bool listing_;  // what was there is not complete
  bool opened_ = false;
  bool began_ = false;                     // the server knew the version from which it goes on
  std::optional<TimePoint> behind_since_;  // that the server has not reached what was seen
  std::optional<kube::ApiError> too_new_;  // and will not be waited for

  std::atomic<bool> lost_{false};

  mutable runtime::Mutex mutex_;
  runtime::CondVar changed_;
  std::deque<Item> queue_ SLIPWAY_GUARDED_BY(mutex_);
  std::optional<Error> ended_ SLIPWAY_GUARDED_BY(mutex_);
  uint64_t given_ SLIPWAY_GUARDED_BY(mutex_) = 0;
  bool asked_ SLIPWAY_GUARDED_BY(mutex_) = false;  // gave nothing; wants to be told
  bool stopping_ SLIPWAY_GUARDED_BY(mutex_) = false;
  std::function<void()> call_ SLIPWAY_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace slipway::remote
