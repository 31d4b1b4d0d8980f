#include "adapters/local/internal/engine.h"

#include <condition_variable>
#include <mutex>

namespace slipway::local {

// A position in the table's history: the history is the queue, and its bound the queue's.
class EngineWatch final : public store::Watch {
 public:
  EngineWatch(std::shared_ptr<Engine> engine, domain::Kind kind, std::string space)
      : engine_(std::move(engine)), kind_(kind), space_(std::move(space)) {}
  ~EngineWatch() override {
    const runtime::MutexLock lock(engine_->mutex_);
    engine_->idle_[static_cast<size_t>(kind_)].erase(this);
  }

  void begin(uint64_t position, uint64_t version, std::vector<domain::ObjectPtr> first, bool initial) {
    position_ = position;
    given_ = version;
    first_ = std::move(first);
    listing_ = initial;
  }

  void on_ready(std::function<void()> call) override { call_ = std::move(call); }
  uint64_t resource_version() const override { return given_; }

  Result<std::optional<store::Event>> try_next() override {
    if (listing_) return next_of_list();
    const runtime::MutexLock lock(engine_->mutex_);
    return take();
  }

  Result<std::optional<store::Event>> next(Duration patience) override {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (true) {
      auto event = try_next();
      if (!event || *event) return event;
      std::unique_lock lock(wake_mutex_);
      if (!wake_.wait_until(lock, deadline, [this] { return std::exchange(woken_, false); }))
        return std::optional<store::Event>();
    }
  }

  // By the engine, under its lock; the watch is no longer idle then.
  void wake() {
    {
      const std::lock_guard lock(wake_mutex_);
      woken_ = true;
    }
    wake_.notify_one();
    if (call_) call_();
  }

 private:
  Result<std::optional<store::Event>> next_of_list() {
    if (next_ < first_.size()) {
      domain::ObjectPtr object = std::move(first_[next_++]);
      const uint64_t version = object->meta.resource_version;
      return store::Event{.change = store::Change::kAdded,
                          .object = std::move(object),
                          .before = nullptr,
                          .resource_version = version};
    }
    listing_ = false;
    first_ = {};
    return store::Event{
        .change = store::Change::kListed, .object = nullptr, .before = nullptr, .resource_version = given_};
  }

  Result<std::optional<store::Event>> take() SLIPWAY_REQUIRES(engine_->mutex_) {
    const Table& table = engine_->table(kind_);
    if (engine_->closed_) return fail(Code::kUnavailable, "the store is going away");
    if (position_ < table.first_position())
      return fail(Code::kNotFound, "the watch was too slow: what comes next is no longer kept");
    while (const store::Event* event = table.event_at(position_)) {
      ++position_;
      given_ = event->resource_version;
      if (space_.empty() || event->object->key.space == space_) return *event;
    }
    given_ = engine_->version_;
    engine_->idle_[static_cast<size_t>(kind_)].insert(this);
    return std::optional<store::Event>();
  }

  const std::shared_ptr<Engine> engine_;
  const domain::Kind kind_;
  const std::string space_;
  std::function<void()> call_;
  uint64_t position_ = 0, given_ = 0;
  std::vector<domain::ObjectPtr> first_;
  size_t next_ = 0;
  bool listing_ = false;
  std::mutex wake_mutex_;
  std::condition_variable wake_;
  bool woken_ = false;
};

Engine::Engine(size_t history) : tables_(domain::kKinds, Table(history)) {}

domain::ObjectPtr Engine::find(const domain::ObjectKey& key) const {
  const runtime::MutexLock lock(mutex_);
  return table(key.kind).find(key);
}

uint64_t Engine::resource_version() const {
  const runtime::MutexLock lock(mutex_);
  return version_;
}

Result<store::Listing> Engine::list(domain::Kind kind, const store::ListOptions& options) const {
  const runtime::MutexLock lock(mutex_);
  if (options.at > version_)
    return fail(Code::kTimeout, "Too large resource version: {}, current: {}", options.at, version_);
  return table(kind).list(options, version_);
}

Result<std::unique_ptr<store::Watch>> Engine::watch(domain::Kind kind, const store::WatchOptions& options) {
  auto watch = std::make_unique<EngineWatch>(shared_from_this(), kind, options.space);
  const runtime::MutexLock lock(mutex_);
  if (closed_) return fail(Code::kUnavailable, "the store is going away");
  if (!options.after) {
    auto listing = table(kind).list({.space = options.space}, version_);
    if (!listing) return fail(listing.error());
    watch->begin(table(kind).end_position(), version_, std::move(listing->items), true);
    return watch;
  }
  if (*options.after > version_)
    return fail(Code::kTimeout, "Too large resource version: {}, current: {}", *options.after, version_);
  const auto position = table(kind).position_after(*options.after);
  if (!position) return fail(position.error());
  watch->begin(*position, *options.after, {}, false);
  return watch;
}

void Engine::load(const std::vector<domain::ObjectPtr>& objects, uint64_t version) {
  const runtime::MutexLock lock(mutex_);
  for (const domain::ObjectPtr& object : objects) table(object->key.kind).put(object);
  for (Table& each : tables_) each.set_floor(version);
  version_ = version;
}

void Engine::apply(std::vector<store::Event> events) {
  const runtime::MutexLock lock(mutex_);
  for (store::Event& event : events) {
    const size_t kind = static_cast<size_t>(event.object->key.kind);
    version_ = event.resource_version;
    tables_[kind].apply(std::move(event));
    for (EngineWatch* watch : std::exchange(idle_[kind], {})) watch->wake();
  }
}

void Engine::close() {
  const runtime::MutexLock lock(mutex_);
  closed_ = true;
  for (auto& idle : idle_)
    for (EngineWatch* watch : std::exchange(idle, {})) watch->wake();
}

}  // namespace slipway::local
