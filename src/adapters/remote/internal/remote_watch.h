// One watch: a thread reads the server's events into a bounded queue. While what was there at the beginning
// is being read, the thread waits for room; later, who does not take is cut off.
#pragma once

#include <atomic>
#include <deque>
#include <thread>

#include "ports/store/store.h"
#include "system/kube/client.h"
#include "system/kube/watch.h"
#include "system/runtime/mutex.h"

namespace slipway::remote {

struct WatchSettings {
  int timeout_ms = 30'000;
  size_t waiting_events = 8'192;
  Duration longest_wait = std::chrono::seconds(30);
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
  // The thread's.
  void read_until_stopped();
  Status read_one();
  Status list_first();
  Status put_object(store::Change change, const kube::Object& object);
  Status put_version(const kube::WatchEvent& bookmark);
  Status put(Item item) SLIPWAY_EXCLUDES(mutex_);
  Error why_ended(const kube::ApiError& error) const;
  void end(Error why) SLIPWAY_EXCLUDES(mutex_);
  void tell() SLIPWAY_EXCLUDES(mutex_);

  Taken take() SLIPWAY_REQUIRES(mutex_);

  const store::Kind kind_;
  const std::string space_;
  const WatchSettings settings_;
  kube::Client lister_;
  kube::Watch watch_;
  // The thread's.
  bool listing_;        // what was there is not complete
  bool began_ = false;  // the server gave something
  std::optional<kube::ApiError> too_new_;

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
