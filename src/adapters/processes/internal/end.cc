#include "adapters/processes/internal/end.h"

#include <csignal>
#include <cstring>

#include "adapters/processes/internal/log_file.h"

namespace slipway::processes {
namespace {

using domain::Fault;
using domain::Reason;
using Kind = os::ProcessEnd::Kind;

std::string with_log(std::string what, const std::string& log) {
  return log.empty() ? what : fmt::format("{}; its last lines:\n{}", what, log);
}

std::string signal_text(int number) {
  const char* name = ::sigabbrev_np(number);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", number);
}

std::string limit_text(int64_t bytes) {
  return bytes > 0 ? fmt::format("it wanted more memory than its {} MiB", bytes >> 20)
                   : "it wanted more memory than there is";
}

// An allocation that RLIMIT_DATA refuses ends a C++ program so.
bool refused_memory(const Ended& ended) {
  return ended.end.number == SIGABRT && ended.memory_limit > 0 &&
         ended.log.find("std::bad_alloc") != std::string::npos;
}

}  // namespace

Fault fault_of(const Ended& ended) {
  const os::ProcessEnd& end = ended.end;
  if (end.kind == Kind::kUnknown)
    return {Reason::kExited,
            with_log("it ended; how is not known, since an earlier control started it", ended.log)};
  if (end.kind == Kind::kExited) {
    if (end.number == kUnservable && !ended.log.empty())
      return {Reason::kLoadFailed, std::string(last_line(ended.log))};
    if (end.number == kUnservable) return {Reason::kLoadFailed, "the model cannot be served"};
    return {Reason::kExited, with_log(fmt::format("it ended with code {}", end.number), ended.log)};
  }
  if ((end.number == SIGKILL && ended.out_of_memory) || refused_memory(ended))
    return {Reason::kOutOfMemory, limit_text(ended.memory_limit)};
  return {Reason::kKilled, with_log(fmt::format("it was ended by {}", signal_text(end.number)), ended.log)};
}

}  // namespace slipway::processes
