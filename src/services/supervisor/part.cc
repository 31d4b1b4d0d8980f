#include "services/supervisor/part.h"

#include <csignal>
#include <cstdio>

#include "system/http/client.h"
#include "system/os/files.h"
#include "system/runtime/log.h"

namespace slipway::supervisor {
namespace {

constexpr uint64_t kLogLimit = 16 << 20;  // a longer log is moved aside at the next start
constexpr uint64_t kLastWords = 600;
constexpr int kProbeMs = 500;

std::string how(const os::ProcessEnd& end) {
  switch (end.kind) {
    case os::ProcessEnd::Kind::kExited:
      return fmt::format("exit code {}", end.number);
    case os::ProcessEnd::Kind::kSignal:
      return fmt::format("signal {}", end.number);
    case os::ProcessEnd::Kind::kUnknown:
      return "unknown: another process started it";
  }
  return {};
}

}  // namespace

bool Part::adopt(TimePoint now) {
  auto holder = os::Process::adopt_holder(options_.lock);
  if (!holder) return false;
  running_.emplace(std::move(*holder));
  started_ = now;
  runtime::log::info("supervisor", "found running", {{"part", name()}, {"pid", static_cast<int64_t>(pid())}});
  return true;
}

Status Part::start(TimePoint now) {
  const std::string& log = options_.process.log;
  if (const auto size = os::open_file(log); size && size->size > kLogLimit)
    std::rename(log.c_str(), (log + ".1").c_str());
  started_ = now;
  auto process = os::Process::start(options_.process);
  if (!process) return fail(base::within(name(), process.error()));
  running_.emplace(std::move(*process));
  runtime::log::info("supervisor", "started", {{"part", name()}, {"pid", static_cast<int64_t>(pid())}});
  return ok();
}

bool Part::is_running() { return running_ && !running_->end(); }

TimePoint Part::step(TimePoint now) {
  if (running_) {
    const auto end = running_->end();
    if (!end) return TimePoint::max();
    running_.reset();
    restart_ = next_start(restart_.in_a_row, started_, now);
    runtime::log::warn("supervisor", "ended", {{"part", name()}, {"how", how(*end)}});
  }
  if (now < restart_.at) return restart_.at;
  // Somebody else may have started one meanwhile: it holds the lock.
  if (adopt(now)) return TimePoint::max();
  if (const Status started = start(now); !started) {
    runtime::log::error("supervisor", "cannot be started",
                        {{"part", name()}, {"error", started.error().message}});
    restart_ = next_start(restart_.in_a_row, started_, now);
    return restart_.at;
  }
  return TimePoint::max();
}

bool Part::is_ready() const {
  http::Client client(
      {.address = {.kind = http::Address::Kind::kUnix, .path = options_.admin}, .host = "localhost"},
      {.timeout_ms = kProbeMs});
  const auto answer = client.ask({.target = "/readyz"});
  return answer && answer->status == 200;
}

bool Part::stop(Duration patience) {
  if (!running_ && !adopt({})) return false;
  static_cast<void>(running_->signal(SIGTERM).has_value());
  if (!running_->end_within(patience)) {
    runtime::log::warn("supervisor", "does not end and is killed", {{"part", name()}});
    static_cast<void>(running_->signal(SIGKILL).has_value());
    static_cast<void>(running_->end_within(patience).has_value());
  }
  running_.reset();
  return true;
}

std::string Part::last_words() const {
  auto text = os::read_file(options_.process.log, kLogLimit * 2);
  if (!text) return {};
  while (text->ends_with('\n')) text->pop_back();
  const size_t line = text->rfind('\n');
  std::string last = line == std::string::npos ? *text : text->substr(line + 1);
  return last.substr(0, kLastWords);
}

}  // namespace slipway::supervisor
