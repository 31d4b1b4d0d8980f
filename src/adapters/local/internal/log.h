// Where changes are made durable. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/local/local.h"

namespace slipway::local {

struct Entry {
  domain::ObjectPtr object;  // as it is now, or was at its end
  bool removed = false;
  AuditRow audit;
};

class Log {
 public:
  virtual ~Log() = default;

  // What is there, in any order, and the highest number that may have been given out.
  struct Contents {
    std::vector<domain::ObjectPtr> objects;
    uint64_t high_water = 0;
  };
  virtual Result<Contents> load() = 0;

  // All of it or nothing. kExhausted: the disk is full, nothing was written and the log is still good. Any
  // other fault: the log cannot be trusted any more.
  virtual Status append(const std::vector<Entry>& entries, uint64_t high_water) = 0;
};

Result<std::unique_ptr<Log>> open_sqlite_log(const std::string& path, const std::string& file_layer);

}  // namespace slipway::local
