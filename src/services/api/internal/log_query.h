// What is asked of a replica's log, and how a file is read for it. kubectl's parameters; a bad one is
// answered as an API server does.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "services/api/internal/query.h"
#include "system/os/files.h"
#include "values/base/time.h"

namespace slipway::api {

struct LogQuery {
  std::string replica;
  bool follow = false, timestamps = false, previous = false;
  std::optional<int64_t> tail_lines, limit_bytes;
  std::optional<WallTime> since;

  std::string file() const { return replica + (previous ? ".log.1" : ".log"); }
};

// `replica` must be a replica's name, so that it leads to no other file: <revision>-<ordinal>.
bool is_replica_name(std::string_view replica);
tl::expected<LogQuery, Failure> parse_log_query(const Parameters& parameters, std::string replica,
                                                WallTime now);

// A log file from where the query begins. One thread.
class LogReader {
 public:
  LogReader(os::OpenFile file, LogQuery query);

  // The next part of at most about 64 KiB, as it is to be sent; empty: there is no more for now.
  Result<std::string> next();
  // The line that has no end yet, when there will be no more.
  std::string rest() { return complete() ? "" : shown(std::exchange(part_, {})); }
  // limitBytes is reached.
  bool complete() const { return limit_ == 0; }
  // Goes on in the file that has taken the place of this one, or that was cut, from its beginning. False: it
  // is the same as before.
  bool go_on_in(os::OpenFile file);

 private:
  Status begin();
  Status look_back();
  void take_time(std::string_view line);
  Result<std::string> read_piece();
  std::string by_lines(std::string_view piece);
  std::string shown(std::string_view line);

  os::OpenFile file_;
  const LogQuery query_;
  const bool by_lines_;                // each is looked at, for its time
  bool begun_ = false, shows_ = true;  // shows_: the last time was in the asked ones
  uint64_t offset_ = 0;
  uint64_t limit_ = UINT64_MAX;  // bytes that may still be sent
  std::string part_;             // of a line whose end has not been read
  std::string time_;             // of the last line that had one
};

}  // namespace slipway::api
