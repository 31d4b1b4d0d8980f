// What happens to the objects of a resource, one event after the other, over connections that come and go.
//
//   Watch watch(access, {.resource = pods, .ns = "default", .resource_version = list.resource_version},
//   clock); while (!watch.stopped()) {
//     auto event = watch.next();
//     if (event) take(*event);
//     else if (event.error().expired()) list again, then watch.resume_from(…);
//     else log it: the next next() tries again, after a pause that grows
//   }
//
// A connection that is lost is replaced by next() itself: it goes on after the last event, and no event comes
// twice, as far as the server keeps its word: who keeps what came passes over what is older than that. A
// server that cannot begin a watch with what is there is asked for a list. Threads: stop() and stopped() from
// any; everything else from one at a time.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "system/kube/internal/pause.h"
#include "system/kube/kubeconfig.h"
#include "system/kube/metrics.h"
#include "system/kube/object.h"
#include "system/kube/resource.h"
#include "system/kube/retry.h"
#include "system/runtime/clock.h"

namespace slipway::kube {

class Client;
namespace internal {
class EventStream;
}

struct WatchQuery {
  enum class Start {
    kFromVersion,  // after `resource_version`, which a list gave
    kListFirst,    // everything that is there as kAdded, then a bookmark with `initial_end`
  };
  Resource resource;
  std::string ns;  // empty: all
  std::string label_selector, field_selector;
  Start start = Start::kFromVersion;
  std::string resource_version;
};

struct WatchOptions {
  RetryOptions retry;
  // Longer without a byte, and the connection counts as lost; 0: when the server should have ended the stream
  // long ago. A server that has vanished is noticed sooner, by TCP; one that has nothing to say is not lost.
  int silence_ms = 0;
  int timeout_ms = 30'000;      // for connecting, and until a stream begins
  int stream_seconds = 300;     // after which, or up to twice as long, the server is asked to end a stream
  size_t line_bytes = 8 << 20;  // of one event
  // Told of each lost connection that next() replaces, and how long it waits before; may be empty.
  std::function<void(const ApiError&, Duration)> on_retry;
  // Waits that long, or until stop(); for tests that must not wait.
  std::function<void(Duration)> pause;
  std::function<void()> on_open;  // told of each stream that begins; may be empty
  std::shared_ptr<RetryRow> row;  // that it goes on with; null: a new one
  ApiMetrics* metrics = nullptr;  // may be null; outlives the watch
};

struct WatchEvent {
  enum class Type { kAdded, kModified, kDeleted, kBookmark };
  Type type = Type::kAdded;
  Object object;             // of kBookmark: a resourceVersion and little else
  bool initial_end = false;  // kListFirst: what was there is complete

  bool operator==(const WatchEvent&) const = default;
};

class Watch {
 public:
  Watch(const Access& access, WatchQuery query, const runtime::Clock& clock, WatchOptions options = {});
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Waits for the next event. Errors: expired(): what was seen is void, list again and resume_from(), or with
  // kListFirst just go on; after stop(): kUnavailable; others that another try does not mend.
  Reply<WatchEvent> next();
  void resume_from(std::string_view resource_version);
  // After which the next connection would go on.
  const std::string& resource_version() const { return version_; }

  void stop();
  bool stopped() const { return pause_.stopped(); }

 private:
  Result<std::string> target();
  Reply<void> connect();
  Reply<void> open_stream();
  Reply<void> list_pages();
  Reply<std::optional<WatchEvent>> read();
  WatchEvent take(WatchEvent event);
  std::optional<ApiError> end_stream(std::optional<ApiError> why);
  ApiError forget(const ApiError& why);
  void pause(Duration time);

  const WatchQuery query_;
  const runtime::Clock& clock_;
  const WatchOptions options_;
  const std::unique_ptr<internal::EventStream> stream_;
  const std::unique_ptr<Client> lister_;
  const std::shared_ptr<RetryRow> row_;
  std::string version_;
  bool listed_ = false;              // the initial list is complete, or was the caller's
  bool by_pages_ = false;            // the server does not begin a stream with what is there
  std::deque<WatchEvent> list_;      // what it listed instead, still to be given
  std::optional<ApiError> expired_;  // until resume_from()
  bool open_ = false, brought_events_ = false, opened_before_ = false;
  TimePoint began_;
  std::minstd_rand random_{std::random_device{}()};
  internal::Pause pause_;
};

}  // namespace slipway::kube
