// Brings versions' files on a thread of its own: whoever observes does not wait for them.
//
// Threads: one at a time, besides its own.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "adapters/processes/processes.h"
#include "system/runtime/executor.h"

namespace slipway::processes {

class Fetcher {
 public:
  explicit Fetcher(Fetch fetch) : fetch_(std::move(fetch)) {}
  ~Fetcher();  // what waits is given up; what is under way is waited for

  // Nothing while it is under way, or its result has not been taken.
  void begin(const domain::RevisionSpec& revision);
  // The result, once.
  std::optional<Result<std::string>> take(const std::string& revision);

 private:
  void bring(const domain::RevisionSpec& revision);

  const Fetch fetch_;
  runtime::Mutex mutex_;
  bool ending_ SLIPWAY_GUARDED_BY(mutex_) = false;
  std::set<std::string> under_way_ SLIPWAY_GUARDED_BY(mutex_);
  std::map<std::string, Result<std::string>> results_ SLIPWAY_GUARDED_BY(mutex_);
  runtime::Executor executor_{{.name = "fetch", .threads = 1, .queue = 1024}};
};

}  // namespace slipway::processes
