// Random histories of one lease: processes that stop, sleep, die and come back under another name, clocks
// that run at different rates, writes that arrive late, or after their sender has given them up, and news
// that does. SLIPWAY_ELECTION_HISTORIES says how many; each is named by its number, which makes it again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <memory>
#include <random>

#include "system/kube/election.h"

namespace slipway::kube {
namespace {

using namespace std::chrono_literals;
using Next = ElectionDecision::Next;

constexpr Duration kTick = 100ms;
constexpr Duration kPatience = 3s;  // after which a write is given up
constexpr Duration kHealthy = 60s;  // at the end of each history nothing goes wrong any more
const ElectionOptions kOptions;

struct Write {
  TimePoint arrives, answered;  // at the server; at who sent it, which may be never
  std::string holder;
  int based_on = 0;
  std::shared_ptr<bool> done = std::make_shared<bool>(false);  // what the server answers
};

struct Process {
  std::string name;
  Standing standing{};
  int version = 0;             // of the lease, as it saw or wrote it
  double rate = 1;             // of its clock
  Duration latency{};          // of its news
  TimePoint stopped_until{};   // SIGSTOP, or a machine that sleeps
  TimePoint cut_off_until{};   // neither news nor answers, and writes take their time
  std::optional<Write> asked;  // waits for its answer
  TimePoint sent{};
};

class History {
 public:
  explicit History(uint64_t number) : random_(number) {
    for (int i = 0; i < 3; ++i) processes_.push_back(fresh());
  }

  // What is wrong with it; empty: nothing.
  std::string run(Duration time) {
    for (; now_ < TimePoint{} + time + kHealthy; now_ += kTick) {
      healthy_ = now_ >= TimePoint{} + time;
      arrive();
      for (Process& process : processes_) {
        if (!healthy_) disturb(process);
        if (now_ >= process.stopped_until) step(process);
      }
      if (const auto leaders = leading(); leaders.size() > 1)
        return fmt::format("{} lead at {} ms", fmt::join(leaders, " and "), (now_ - TimePoint{}) / 1ms);
    }
    return leading().size() == 1 ? "" : "nobody leads though all is well";
  }
  int changes() const { return changes_; }

 private:
  bool chance(double p) { return std::uniform_real_distribution<double>(0, 1)(random_) < p; }
  Duration up_to(Duration most) {
    return Duration(std::uniform_int_distribution<int64_t>(0, most.count())(random_));
  }
  Process fresh() {
    Process out{.name = fmt::format("p{}", ++names_)};
    out.standing.identity = out.name;
    out.rate = std::uniform_real_distribution<double>(0.85, 1.15)(random_);
    out.latency = up_to(2s);
    return out;
  }
  // The time that a process sees.
  TimePoint seen_by(const Process& process, TimePoint time) const {
    return TimePoint{} + std::chrono::duration_cast<Duration>((time - TimePoint{}) * process.rate);
  }
  bool leads(const Process& process) const {
    return process.standing.renewed &&
           seen_by(process, now_) < renew_deadline(kOptions, *process.standing.renewed);
  }
  std::vector<std::string> leading() const {
    std::vector<std::string> out;
    for (const Process& process : processes_)
      if (leads(process)) out.push_back(process.name);
    return out;
  }

  void disturb(Process& process) {
    if (chance(0.003)) process.stopped_until = now_ + up_to(30s);
    if (chance(0.003)) process.cut_off_until = now_ + up_to(30s);
    if (chance(0.001)) process = fresh();  // killed, and started again
  }
  // Writes come to the server, in whatever order, and count when nobody was faster.
  void arrive() {
    for (size_t i = 0; i < under_way_.size();) {
      if (now_ < under_way_[i].arrives) {
        ++i;
        continue;
      }
      if (under_way_[i].based_on == version_) {
        changes_ += holder_ != under_way_[i].holder;
        holder_ = under_way_[i].holder;
        changed_ = now_;
        ++version_;
        *under_way_[i].done = true;
      }
      under_way_.erase(under_way_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  void step(Process& process) {
    if (process.asked) return take_answer(process);
    hear(process);
    const auto decision = decide_election(kOptions, process.standing, seen_by(process, now_));
    if (decision.next == Next::kLost) process = fresh();  // it ends, and is started again
    if (decision.next == Next::kAcquire || decision.next == Next::kRenew) send(process);
  }
  void send(Process& process) {
    const bool slow = !healthy_ && (now_ < process.cut_off_until || chance(0.05));
    const TimePoint arrives = now_ + up_to(slow ? 20s : 300ms);
    process.sent = now_;
    process.asked = Write{arrives, arrives + up_to(slow ? 5s : 300ms), process.name, process.version};
    under_way_.push_back(*process.asked);
  }
  void take_answer(Process& process) {
    const bool here = now_ >= process.asked->answered && now_ >= process.cut_off_until;
    if (!here && now_ < process.sent + kPatience) return;
    const Write write = *std::exchange(process.asked, std::nullopt);
    const bool done = here && *write.done;
    const TimePoint sent = seen_by(process, process.sent), now = seen_by(process, now_);
    if (done && now < renew_deadline(kOptions, sent)) {
      process.version = write.based_on + 1;
      process.standing.seen = LeaseSeen{true, process.name, kOptions.duration, now};
      process.standing.renewed = sent;
      process.standing.failed.reset();
      return;
    }
    process.standing.failed = now;
    process.standing.jitter = std::uniform_real_distribution<double>(0, 1)(random_);
    if (here) look(process);
  }
  void hear(Process& process) {
    if (process.standing.renewed || now_ < process.cut_off_until || now_ < changed_ + process.latency) return;
    look(process);
  }
  void look(Process& process) {
    if (process.standing.seen && process.version == version_) return;
    process.version = version_;
    process.standing.seen = LeaseSeen{version_ > 0, holder_, kOptions.duration, seen_by(process, now_)};
    process.standing.failed.reset();
  }

  std::mt19937_64 random_;
  TimePoint now_{};
  bool healthy_ = false;
  int names_ = 0;
  std::vector<Process> processes_;
  std::deque<Write> under_way_;
  std::string holder_;  // of the lease
  int version_ = 0;
  TimePoint changed_{};
  int changes_ = 0;
};

TEST(ElectionLaws, NeverTwoLeadAndSoonOneDoesWhateverHappens) {
  const char* asked = std::getenv("SLIPWAY_ELECTION_HISTORIES");
  const int histories = asked != nullptr ? std::atoi(asked) : 60;
  int64_t changes = 0;
  for (int number = 1; number <= histories; ++number) {
    History history(static_cast<uint64_t>(number));
    ASSERT_EQ(history.run(3min), "") << "history " << number;
    changes += history.changes();
  }
  // It is no law that is kept by nobody's leading.
  EXPECT_GT(changes, histories * 3);
  RecordProperty("changes", std::to_string(changes));
}

}  // namespace
}  // namespace slipway::kube
