// What was answered, held against what may be answered.
//
//   Tally tally;
//   tally.allow({"credit-1-…"});
//   const size_t since = tally.era();          // when a request is sent
//   tally.answered({since, sent}, answer);     // when its answer is whole
//
// An era is the time between two allow(): an answer is right when its revision was allowed in one of the eras
// from the one in which it was sent to the one in which it arrived. All bodies of one revision are the same
// bytes, since the request is. One thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::load {

using Time = std::chrono::steady_clock::time_point;

// What is remembered of a request while it waits for its answer.
struct Sent {
  size_t era = 0;
  Time due;  // when it was to be sent: waiting for a free connection counts as latency
};

struct Answer {
  int status = 0;
  std::string_view revision;  // as the header has it, with the digest
  std::string_view refused;   // the reason of a refusal
  std::string_view body;
};

class Tally {
 public:
  // From now on, those whose names begin with one of these; none: any revision may answer.
  void allow(std::vector<std::string> revisions);
  size_t era() const { return eras_.size() - 1; }

  void sent() { ++sent_; }
  void answered(const Sent& request, const Answer& answer, Time now);
  // No answer: `kind` is refused (no connection), broken (closed before the answer's end), timeout or
  // framing.
  void failed(std::string_view kind, std::string detail, Time now);

  uint64_t unanswered() const { return sent_ - answered_ - failed_; }
  // All of it as one line of JSON.
  std::string report() const;

 private:
  struct Failure {
    std::string kind, detail;
    Time at;
  };
  struct Seen {
    uint64_t answers = 0;
    std::string header, body;  // of the first answer
  };

  bool allowed(std::string_view revision, size_t since) const;
  uint32_t latency_at(double part) const;

  std::vector<std::vector<std::string>> eras_{{}};
  uint64_t sent_ = 0, answered_ = 0, failed_ = 0;
  std::map<std::string, Seen, std::less<>> revisions_;
  std::map<std::string, uint64_t, std::less<>> kinds_;
  std::vector<Failure> failures_;  // the first 200
  std::vector<uint32_t> latencies_ =
      std::vector<uint32_t>(1'000'001);  // how many took so many microseconds; the last: or more
  uint32_t longest_ = 0;
};

}  // namespace slipway::load
