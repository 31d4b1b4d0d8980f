#include "adapters/local/local.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <map>
#include <thread>

#include "adapters/local/internal/changes.h"
#include "adapters/local/internal/engine.h"
#include "adapters/local/internal/log.h"
#include "system/os/random.h"
#include "system/runtime/failpoint.h"
#include "system/runtime/log.h"

namespace slipway::local {
namespace {

using store::ObjectPtr;

constexpr uint64_t kNumbersAhead = 1000;  // given out between two writes of the high-water mark
constexpr size_t kTogether = 256;         // writes in one transaction
constexpr size_t kPartBytes = 7 << 20;    // of a content or a status: both fit into a row of the log

std::string random_uuid() {
  std::array<uint8_t, 16> bytes{};
  os::random_bytes(bytes);
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3F) | 0x80);
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i)
    out += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
  return out;
}

// A write and who waits for it.
struct Waiting {
  Write write;
  std::promise<Result<ObjectPtr>> done;
};

// What a batch has made so far: later writes of it are decided on it.
struct Batch {
  std::map<store::ObjectKey, ObjectPtr> overlay;  // null: removed
  std::vector<store::Event> events;
  std::vector<Entry> entries;
  std::vector<std::pair<Waiting*, Result<ObjectPtr>>> answers;
};

class LocalStore final : public Local {
 public:
  LocalStore(Options options, const runtime::Clock& clock)
      : options_(std::move(options)), clock_(clock), engine_(std::make_shared<Engine>(options_.history)) {
    if (!options_.make_uid) options_.make_uid = random_uuid;
  }
  ~LocalStore() override {
    {
      const runtime::MutexLock lock(mutex_);
      stopping_ = true;
    }
    more_.notify_all();
    if (writer_.joinable()) writer_.join();
    engine_->close();
  }

  Status start() {
    if (!options_.path.empty()) {
      auto log = open_sqlite_log(options_.path, options_.file_layer);
      if (!log) return fail(log.error());
      auto contents = (*log)->load();
      if (!contents) return fail(contents.error());
      engine_->load(contents->objects, contents->high_water);
      high_water_ = version_ = contents->high_water;
      log_ = std::move(*log);
      writer_ = std::thread([this] { write_until_stopped(); });
    }
    return ok();
  }

  uint64_t resource_version() const override { return engine_->resource_version(); }
  std::string broken() const override {
    const runtime::MutexLock lock(mutex_);
    return broken_;
  }

  Result<ObjectPtr> get(const store::ObjectKey& key) const override {
    ObjectPtr found = engine_->find(key);
    if (!found) return fail(Code::kNotFound, "{} not found", key.str());
    return found;
  }
  Result<store::Listing> list(store::Kind kind, const store::ListOptions& options) const override {
    return engine_->list(kind, options);
  }
  Result<std::unique_ptr<store::Watch>> watch(store::Kind kind, const store::WatchOptions& options) override {
    return engine_->watch(kind, options);
  }

  Result<ObjectPtr> create(store::Object object, const store::Cause& cause) override {
    return write({.verb = Write::Verb::kCreate, .object = std::move(object), .seen = {}, .cause = cause});
  }
  Result<ObjectPtr> update(store::Object object, const store::Precondition& seen,
                           const store::Cause& cause) override {
    return write({.verb = Write::Verb::kUpdate, .object = std::move(object), .seen = seen, .cause = cause});
  }
  Result<ObjectPtr> update_status(const store::ObjectKey& key, std::string status,
                                  const store::Precondition& seen, const store::Cause& cause) override {
    return write({.verb = Write::Verb::kUpdateStatus,
                  .object = {.key = key, .meta = {}, .status = std::move(status)},
                  .seen = seen,
                  .cause = cause});
  }
  Result<ObjectPtr> remove(const store::ObjectKey& key, const store::Precondition& seen,
                           const store::Cause& cause) override {
    return write(
        {.verb = Write::Verb::kRemove, .object = {.key = key, .meta = {}}, .seen = seen, .cause = cause});
  }

 private:
  Result<ObjectPtr> write(Write write) {
    if (std::max(write.object.content.size(), write.object.status.size()) > kPartBytes)
      return fail(Code::kTooLarge, "{} is too large: its content and its status may have {} bytes each",
                  write.object.key.str(), kPartBytes);
    Waiting waiting{.write = std::move(write), .done = {}};
    auto answer = waiting.done.get_future();
    if (!log_) return write_at_once(waiting), answer.get();
    {
      const runtime::MutexLock lock(mutex_);
      if (!broken_.empty()) return fail(Code::kUnavailable, "{}", broken_);
      if (stopping_) return fail(Code::kUnavailable, "the store is going away");
      if (queue_.size() >= options_.waiting_writes)
        return fail(Code::kExhausted, "too many writes wait for the disk; try again later");
      queue_.push_back(&waiting);
    }
    more_.notify_one();
    return answer.get();
  }

  // There is no disk to wait for together: whoever writes does it himself.
  void write_at_once(Waiting& waiting) {
    const runtime::MutexLock lock(in_turn_);
    write_batch({&waiting});
  }

  void write_until_stopped() {
    while (true) {
      std::vector<Waiting*> batch;
      {
        const runtime::MutexLock lock(mutex_);
        while (queue_.empty() && !stopping_) more_.wait(mutex_);
        if (queue_.empty()) return;
        const size_t count = std::min(queue_.size(), kTogether);
        batch.assign(queue_.begin(), queue_.begin() + static_cast<ptrdiff_t>(count));
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<ptrdiff_t>(count));
      }
      write_batch(batch);
    }
  }

  void write_batch(const std::vector<Waiting*>& waiting) {
    if (const std::string broken = this->broken(); !broken.empty()) {  // since they came to wait
      for (Waiting* each : waiting) answer(*each, fail(Code::kUnavailable, "{}", broken));
      return;
    }
    const uint64_t before = version_;
    Batch batch;
    for (Waiting* each : waiting) decide_one(*each, batch);
    if (Status written = make_durable(batch); !written) {
      version_ = before;
      for (auto& [who, result] : batch.answers) answer(*who, fail(written.error()));
      return;
    }
    engine_->apply(std::move(batch.events));
    FAILPOINT("store.before_acknowledge");
    for (auto& [who, result] : batch.answers) answer(*who, std::move(result));
  }

  // Whoever waits may be gone, and the promise with it, before set_value() has returned: hence it moves here.
  static void answer(Waiting& waiting, Result<ObjectPtr> result) {
    auto done = std::move(waiting.done);
    done.set_value(std::move(result));
  }

  void decide_one(Waiting& waiting, Batch& batch) {
    const Write& write = waiting.write;
    const auto pending = batch.overlay.find(write.object.key);
    const ObjectPtr current =
        pending != batch.overlay.end() ? pending->second : engine_->find(write.object.key);
    const WallTime now = clock_.wall();
    Birth birth;
    if (write.verb == Write::Verb::kCreate && !current)
      birth = {options_.make_uid(), base::rfc3339(now).substr(0, 19) + "Z"};
    auto decided = decide(write, current, birth);
    if (!decided || !*decided) {  // refused, or nothing changes
      Result<ObjectPtr> result = decided ? Result<ObjectPtr>(current) : std::move(decided);
      if (pending == batch.overlay.end()) return answer(waiting, std::move(result));
      // It rests on a write of this batch: when that fails, what it saw did not happen.
      batch.answers.emplace_back(&waiting, std::move(result));
      return;
    }
    store::Object object = **decided;
    object.meta.resource_version = ++version_;
    const auto result = std::make_shared<const store::Object>(std::move(object));
    add(batch, waiting, current, result, now);
  }

  void add(Batch& batch, Waiting& waiting, const ObjectPtr& current, const ObjectPtr& result, WallTime now) {
    const Write& write = waiting.write;
    const bool removed = write.verb == Write::Verb::kRemove;
    batch.overlay[write.object.key] = removed ? nullptr : result;
    batch.events.push_back({.change = removed   ? store::Change::kDeleted
                                      : current ? store::Change::kModified
                                                : store::Change::kAdded,
                            .object = result,
                            .before = current,
                            .resource_version = version_});
    batch.answers.emplace_back(&waiting, result);
    if (log_ == nullptr || domain::info(write.object.key.kind).in_memory) return;
    batch.entries.push_back({.object = result,
                             .removed = removed,
                             .audit = {.resource_version = version_,
                                       .time = base::rfc3339(now),
                                       .actor = write.cause.actor.name,
                                       .verb = std::string(name(write.verb)),
                                       .reason = write.cause.reason,
                                       .request_id = write.cause.request_id,
                                       .key = write.object.key}});
  }

  Status make_durable(const Batch& batch) {
    if (log_ == nullptr || (batch.entries.empty() && version_ <= high_water_)) return ok();
    const uint64_t high_water = version_ > high_water_ ? version_ + kNumbersAhead : high_water_;
    Status written = log_->append(batch.entries, high_water);
    if (written) {
      high_water_ = high_water;
    } else if (written.error().code != Code::kExhausted) {
      runtime::log::error("local", "the log cannot be written any more",
                          {{"error", written.error().message}});
      const runtime::MutexLock lock(mutex_);
      broken_ = written.error().message;
    }
    return written;
  }

  Options options_;
  const runtime::Clock& clock_;
  const std::shared_ptr<Engine> engine_;
  std::unique_ptr<Log> log_;               // the writer's
  uint64_t version_ = 0, high_water_ = 0;  // the writer's
  runtime::Mutex in_turn_;                 // without a log: held by who writes
  mutable runtime::Mutex mutex_;
  runtime::CondVar more_;
  std::deque<Waiting*> queue_ SLIPWAY_GUARDED_BY(mutex_);
  bool stopping_ SLIPWAY_GUARDED_BY(mutex_) = false;
  std::string broken_ SLIPWAY_GUARDED_BY(mutex_);
  std::thread writer_;
};

}  // namespace

Result<std::unique_ptr<Local>> Local::open(Options options, const runtime::Clock& clock) {
  auto store = std::make_unique<LocalStore>(std::move(options), clock);
  if (Status started = store->start(); !started) return fail(started.error());
  return std::unique_ptr<Local>(std::move(store));
}

}  // namespace slipway::local
