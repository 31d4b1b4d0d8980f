// Logs as answers that go on: one thread reads the files and hands what it read to the exchanges, so that no
// loop waits for a disk, and a slow reader is waited for by nobody.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <optional>
#include <thread>

#include "services/api/internal/log_query.h"
#include "services/api/log_source.h"
#include "system/http/exchange.h"
#include "system/runtime/mutex.h"

namespace slipway::api {

class LogStreams {
 public:
  struct Options {
    size_t open = 64;                                      // at once; 429 beyond
    Duration look_every = std::chrono::milliseconds(100);  // for what was added, while somebody follows
  };

  LogStreams(Options options, const LogSource& source) : options_(options), source_(source) {}
  ~LogStreams() { stop(); }

  // Answers with the log; at once, or for as long as the replica writes. On the exchange's loop.
  void answer(http::Exchange& exchange, LogQuery query);
  // Ends every answer.
  void stop();

 private:
  struct Stream;
  using StreamPtr = std::shared_ptr<Stream>;
  void run();
  std::vector<StreamPtr> taken() SLIPWAY_EXCLUDES(mutex_);
  void forget(const std::vector<StreamPtr>& done) SLIPWAY_EXCLUDES(mutex_);
  void wake();
  // What is to be done with a stream after it was looked at.
  enum class Next : uint8_t { kAgain, kWait, kDone };
  Next advance(const StreamPtr& stream);
  bool begin(Stream& stream);
  Next at_end(Stream& stream);
  bool is_known(const std::string& replica) const;

  const Options options_;
  const LogSource& source_;
  std::thread thread_;
  runtime::Mutex mutex_;
  runtime::CondVar changed_;
  std::vector<StreamPtr> open_ SLIPWAY_GUARDED_BY(mutex_);
  bool woken_ SLIPWAY_GUARDED_BY(mutex_) = false, stopping_ SLIPWAY_GUARDED_BY(mutex_) = false;
};

}  // namespace slipway::api
