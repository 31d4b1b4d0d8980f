#include "adapters/onnx/internal/watch.h"

#include <chrono>

namespace slipway::onnx {
namespace {

constexpr auto kTick = std::chrono::milliseconds(5);
constexpr int kIdleTicks =
    200;  // a second without runs before it sleeps: waking costs the next run a system call

}  // namespace

Status StopSlot::open() { return check(api_, api_.CreateRunOptions(options_.out())); }

Status StopSlot::stopped(const backend::RunContext& context, TimePoint now) {
  if (context.cancelled != nullptr && context.cancelled->load(std::memory_order_relaxed)) {
    return fail(Code::kUnavailable, "the request was cancelled");
  }
  if (now >= context.deadline) return fail(Code::kTimeout, "the deadline passed while the model ran");
  return ok();
}

void StopSlot::begin(const backend::RunContext& context) {
  const std::lock_guard lock(mutex_);
  active_ = true;
  deadline_ = context.deadline;
  cancelled_ = context.cancelled;
}

Status StopSlot::end() {
  const std::lock_guard lock(mutex_);
  active_ = false;
  cancelled_ = nullptr;
  if (verdict_) return ok();
  if (auto unset = check(api_, api_.RunOptionsUnsetTerminate(options_.get())); !unset) return unset;
  return std::exchange(verdict_, ok());
}

void StopSlot::look(TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (!active_ || !verdict_) return;
  const bool cancelled = cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed);
  if (!cancelled && now < deadline_) return;
  verdict_ = cancelled ? fail(Code::kUnavailable, "the request was cancelled")
                       : Status(fail(Code::kTimeout, "the deadline passed while the model ran"));
  if (auto set = check(api_, api_.RunOptionsSetTerminate(options_.get())); !set) verdict_ = set;
}

Watch::~Watch() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Watch::add(StopSlot* slot) {
  const std::lock_guard lock(mutex_);
  slots_.push_back(slot);
}

void Watch::remove(StopSlot* slot) {
  const std::lock_guard lock(mutex_);
  std::erase(slots_, slot);
}

void Watch::enter() {
  running_.fetch_add(1);
  if (!parked_.load()) return;
  const std::lock_guard lock(mutex_);
  if (!thread_.joinable()) thread_ = std::thread([this] { loop(); });
  wake_.notify_one();
}

void Watch::park(std::unique_lock<std::mutex>& lock) {
  parked_.store(true);
  wake_.wait(lock, [this] { return ending_ || running_.load() > 0; });
  parked_.store(false);
}

void Watch::loop() {
  std::unique_lock lock(mutex_);
  for (int idle = kIdleTicks; !ending_;) {
    if (idle >= kIdleTicks) park(lock);
    wake_.wait_for(lock, kTick, [this] { return ending_; });
    idle = running_.load() > 0 ? 0 : idle + 1;
    const TimePoint now = std::chrono::steady_clock::now();
    for (StopSlot* slot : slots_) slot->look(now);
  }
}

}  // namespace slipway::onnx
