// Open watches as answers that go on: each takes its changes from the store at its own pace, on its loop's
// thread. An event is encoded once for all who see it in the same form.
#pragma once

#include <deque>
#include <memory>
#include <set>

#include "services/api/api.h"
#include "services/api/internal/encode.h"
#include "services/api/internal/filter.h"

namespace slipway::api {

// The last lines that were sent, for whoever sends the same next.
class LineCache {
 public:
  struct Key {
    domain::Kind kind;
    std::string_view type;  // "ADDED"
    uint64_t version;
    Form form;
    RowObject row_object;
    int64_t second;  // of a table's row, which shows an age; else 0
    bool operator==(const Key&) const = default;
  };
  using Line = std::shared_ptr<const std::string>;
  Line find(const Key& key) const;
  void keep(const Key& key, Line line);

 private:
  static constexpr size_t kKept = 64;
  mutable runtime::Mutex mutex_;
  std::deque<std::pair<Key, Line>> lines_ SLIPWAY_GUARDED_BY(mutex_);
};

struct StreamOptions {
  domain::Kind kind = domain::Kind::kModelVersion;
  View view;
  Filter filter;
  bool bookmarks = false;
  bool mark_end_of_list = false;  // sendInitialEvents
  TimePoint end = TimePoint::max();
};

class WatchStreams {
 public:
  WatchStreams(const Options& options, const runtime::Clock& clock) : options_(options), clock_(clock) {}

  // Answers with the changes of the watch until it ends. False: too many are open.
  bool open(http::Exchange& exchange, std::unique_ptr<store::Watch> watch, StreamOptions options);
  void step(TimePoint now);
  void stop();
  size_t size() const;

  const Options& options() const { return options_; }
  const runtime::Clock& clock() const { return clock_; }
  LineCache& lines() { return lines_; }

 private:
  class Stream;
  void forget(const std::shared_ptr<Stream>& stream);

  const Options options_;
  const runtime::Clock& clock_;
  LineCache lines_;
  mutable runtime::Mutex mutex_;
  std::set<std::shared_ptr<Stream>> open_ SLIPWAY_GUARDED_BY(mutex_);
  TimePoint bookmarks_due_ SLIPWAY_GUARDED_BY(mutex_) = TimePoint::min();
};

}  // namespace slipway::api
