#include "services/supervisor/part.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "system/http/client.h"
#include "system/os/files.h"
#include "system/runtime/log.h"

namespace slipway::supervisor {
namespace {

constexpr uint64_t kLogLimit = 16 << 20;
constexpr uint64_t kTail = 64 << 10;
constexpr size_t kLastWords = 600;
constexpr std::string_view kError = "error: ";  // what a command that fails says last
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

uint64_t make_room(const std::string& log) {
  const auto file = os::open_file(log);
  if (!file) return 0;
  if (file->size <= kLogLimit) return file->size;
  return std::rename(log.c_str(), (log + ".1").c_str()) == 0 ? 0 : file->size;
}

bool Part::adopt(TimePoint now) {
  auto holder = os::Process::adopt_holder(options_.lock);
  if (!holder) return false;
  running_.emplace(std::move(*holder));
  started_ = now;
  pulse_ = {};
  runtime::log::info("supervisor", "found running", {{"part", name()}, {"pid", static_cast<int64_t>(pid())}});
  return true;
}

Status Part::start(TimePoint now) {
  logged_before_ = make_room(options_.process.log);
  started_ = now;
  auto process = os::Process::start(options_.process);
  if (!process) return fail(base::within(name(), process.error()));
  running_.emplace(std::move(*process));
  pulse_ = {};
  runtime::log::info("supervisor", "started", {{"part", name()}, {"pid", static_cast<int64_t>(pid())}});
  return ok();
}

bool Part::is_running() { return running_ && !running_->end(); }

TimePoint Part::step(TimePoint now) {
  if (running_) {
    const auto end = running_->end();
    if (!end) return feel_pulse(now);
    running_.reset();
    restart_ = next_start(restart_.in_a_row, started_, now);
    runtime::log::warn("supervisor", "ended", {{"part", name()}, {"how", how(*end)}});
  }
  if (now < restart_.at) return restart_.at;
  // Somebody else may have started one meanwhile: it holds the lock.
  if (adopt(now)) return feel_pulse(now);
  if (const Status started = start(now); !started) {
    runtime::log::error("supervisor", "cannot be started",
                        {{"part", name()}, {"error", started.error().message}});
    restart_ = next_start(restart_.in_a_row, started_, now);
    return restart_.at;
  }
  return now + PulseOptions{}.every;
}

TimePoint Part::feel_pulse(TimePoint now) {
  if (now < next_question_) return next_question_;
  next_question_ = now + PulseOptions{}.every;
  pulse_ = next_pulse(pulse_, says_yes("/livez") ? Heard::kAnswer : Heard::kNothing);
  if (!hangs(pulse_)) return next_question_;
  runtime::log::error("supervisor", "does not answer and is killed", {{"part", name()}});
  static_cast<void>(running_->signal(SIGKILL).has_value());
  pulse_ = {};
  return next_question_;
}

bool Part::is_ready() const { return says_yes("/readyz"); }

bool Part::says_yes(const std::string& probe) const {
  http::Client client(
      {.address = {.kind = http::Address::Kind::kUnix, .path = options_.admin}, .host = "localhost"},
      {.timeout_ms = kProbeMs});
  const auto answer = client.ask({.target = probe});
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

std::string Part::last_words() const { return supervisor::last_words(options_.process.log, logged_before_); }

std::string last_words(const std::string& log, uint64_t from) {
  const auto file = os::open_file(log);
  if (!file || file->size <= from) return "nothing";
  from = std::max(from, file->size - std::min(file->size, kTail));
  std::string text(file->size - from, '\0');
  const ssize_t got = ::pread(file->descriptor.get(), text.data(), text.size(), static_cast<off_t>(from));
  text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  while (text.ends_with('\n')) text.pop_back();
  const size_t error = text.rfind(kError);
  if (error != std::string::npos && (error == 0 || text[error - 1] == '\n'))
    text = text.substr(error + kError.size());
  else if (const size_t line = text.rfind('\n'); line != std::string::npos)
    text.erase(0, line + 1);
  return text.substr(0, std::min(text.find('\n'), kLastWords));
}

}  // namespace slipway::supervisor
