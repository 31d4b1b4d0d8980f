// sim [--seed S] [--seeds N] [--jobs J]: runs seeds of the simulated platform. A seed that fails is told with
// its last lines; `--seed S` alone runs it again, exactly, and tells everything.
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "system/runtime/log.h"
#include "tests/sim/seed.h"

namespace slipway::sim {
namespace {

constexpr size_t kLastLines = 60;

struct Wish {
  uint64_t first = 1;
  int64_t seeds = 1;
  int jobs = 1;
  bool one = true;
};

// What a job tells the one who waits for it.
struct Tally {
  int64_t seeds = 0, failed = 0, requests = 0, failed_requests = 0, guarded = 0;
  double simulated = 0;
};

void tell(uint64_t seed, size_t last) {
  const Outcome outcome = run_seed(seed, Trace::Keep::kEverything);
  const size_t begin = outcome.lines.size() > last ? outcome.lines.size() - last : 0;
  std::string text;
  for (size_t i = begin; i < outcome.lines.size(); ++i) text += outcome.lines[i] + "\n";
  text +=
      fmt::format("sim: seed {} {}\n", seed, outcome.broken.empty() ? "holds" : "FAILED: " + outcome.broken);
  if (!outcome.broken.empty())
    text += fmt::format("sim: once more, with everything: make sim SEED={}\n", seed);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

Tally work(const Wish& wish, int job) {
  Tally tally;
  for (int64_t i = job; i < wish.seeds; i += wish.jobs) {
    const uint64_t seed = wish.first + static_cast<uint64_t>(i);
    const Outcome outcome = run_seed(seed, Trace::Keep::kNothing);
    ++tally.seeds;
    tally.requests += outcome.requests;
    tally.failed_requests += outcome.failed;
    tally.guarded += outcome.guarded;
    tally.simulated += std::chrono::duration<double>(outcome.simulated).count();
    if (outcome.broken.empty()) continue;
    ++tally.failed;
    tell(seed, kLastLines);
  }
  return tally;
}

// A process each, so that nothing is shared.
bool spread(const Wish& wish, Tally& all) {
  int ends[2];
  if (::pipe(ends) != 0) return false;
  for (int job = 0; job < wish.jobs; ++job) {
    if (::fork() != 0) continue;
    const Tally tally = work(wish, job);
    const bool told = ::write(ends[1], &tally, sizeof tally) == static_cast<ssize_t>(sizeof tally);
    ::_exit(told ? 0 : 1);
  }
  ::close(ends[1]);
  Tally tally;
  int heard = 0;
  while (::read(ends[0], &tally, sizeof tally) == static_cast<ssize_t>(sizeof tally)) {
    ++heard;
    all.seeds += tally.seeds;
    all.failed += tally.failed;
    all.requests += tally.requests;
    all.failed_requests += tally.failed_requests;
    all.guarded += tally.guarded;
    all.simulated += tally.simulated;
  }
  ::close(ends[0]);
  while (::wait(nullptr) > 0) {
  }
  return heard == wish.jobs;
}

int run(const Wish& wish) {
  runtime::log::start(runtime::log::Level::kError);
  if (wish.one) {
    tell(wish.first, static_cast<size_t>(-1));
    return run_seed(wish.first, Trace::Keep::kNothing).broken.empty() ? 0 : 1;
  }
  const auto start = std::chrono::steady_clock::now();
  Tally all;
  const bool heard = spread(wish, all);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print(
      "sim: {} seeds, {} failed; {} requests, {} of them while nothing was struck: none of those failed\n",
      all.seeds, all.failed, all.requests, all.guarded);
  fmt::print("sim: {:.1f} h simulated in {:.1f} s: {:.0f} x real time\n", all.simulated / 3600, seconds,
             all.simulated / seconds);
  return heard && all.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace slipway::sim

int main(int argc, char** argv) {
  slipway::sim::Wish wish;
  for (int i = 1; i + 1 < argc; i += 2) {
    int64_t value = 0;
    const char* end = argv[i + 1] + std::strlen(argv[i + 1]);
    if (std::from_chars(argv[i + 1], end, value).ptr != end || value < 0) return 2;
    if (std::strcmp(argv[i], "--seed") == 0) {
      wish.first = static_cast<uint64_t>(value);
    } else if (std::strcmp(argv[i], "--seeds") == 0) {
      wish.seeds = value;
      wish.one = false;
    } else if (std::strcmp(argv[i], "--jobs") == 0) {
      wish.jobs = static_cast<int>(std::max<int64_t>(1, value));
    } else {
      std::fprintf(stderr, "sim: %s is no option; there are --seed, --seeds and --jobs\n", argv[i]);
      return 2;
    }
  }
  return slipway::sim::run(wish);
}
