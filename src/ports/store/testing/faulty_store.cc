#include "ports/store/testing/faulty_store.h"

#include <deque>

namespace slipway::store {

class FaultyWatch final : public Watch {
 public:
  FaultyWatch(FaultyStore& store, Kind kind, std::unique_ptr<Watch> under)
      : store_(store), kind_(kind), under_(std::move(under)), connection_(store.connection_) {}

  // What an older list of the same objects would have begun with.
  void begin_with(Listing old) {
    for (ObjectPtr& object : old.items) {
      const uint64_t version = object->meta.resource_version;
      queue_.push_back({{Change::kAdded, std::move(object), nullptr, version}, TimePoint::min()});
    }
    queue_.push_back({{Change::kListed, nullptr, nullptr, old.resource_version}, TimePoint::min()});
  }

  Result<std::optional<Event>> try_next() override {
    if (Status reached = reach(); !reached) return fail(reached.error());
    const TimePoint now = store_.clock_.now();
    if (queue_.empty() || queue_.front().due > now)
      if (Status filled = fill(now); !filled) return fail(filled.error());
    if (queue_.empty()) {
      if (!broken_) return std::optional<Event>();
      return fail(Code::kUnavailable, "the connection broke off");
    }
    if (queue_.front().due > now) return std::optional<Event>();
    Event event = std::move(queue_.front().event);
    queue_.pop_front();
    given_ = event.resource_version;
    return event;
  }

  // Nobody waits in simulated time.
  Result<std::optional<Event>> next(Duration) override { return try_next(); }
  void on_ready(std::function<void()> call) override {
    call_ = call;
    under_->on_ready(std::move(call));
  }
  uint64_t resource_version() const override { return given_; }

 private:
  struct Late {
    Event event;
    TimePoint due;
  };

  Status reach() {
    if (connection_ != store_.connection_) broken_ = true;
    if (broken_) queue_.clear();
    if (broken_) return fail(Code::kUnavailable, "the connection broke off");
    return store_.reach(kind_);
  }

  // All that the other store has by now: so it wakes us for the next.
  Status fill(TimePoint now) {
    const size_t before = queue_.size();
    while (!broken_) {
      auto event = under_->try_next();
      if (!event) return fail(event.error());
      if (!*event) break;
      take(std::move(**event), now);
    }
    if (queue_.size() > before && queue_.front().due > now && store_.hooks_.later && call_)
      store_.hooks_.later(queue_.front().due, call_);
    return ok();
  }

  void take(Event event, TimePoint now) {
    if (event.change != Change::kListed && store_.happens(store_.options_.broken)) {
      broken_ = true;
      return;
    }
    TimePoint due = now;
    if (store_.happens(store_.options_.late))
      due += Duration{static_cast<int64_t>(
          store_.random_() % static_cast<uint64_t>(std::max<int64_t>(1, store_.options_.latest.count())))};
    if (!queue_.empty()) due = std::max(due, queue_.back().due);
    const bool follows = !queue_.empty() && event.change == Change::kModified &&
                         queue_.back().event.change == Change::kModified &&
                         queue_.back().event.object->key == event.object->key;
    if (follows && store_.happens(store_.options_.overtaken)) queue_.pop_back();
    const bool twice = event.change != Change::kListed && store_.happens(store_.options_.twice);
    if (twice) queue_.push_back({event, due});
    queue_.push_back({std::move(event), due});
  }

  FaultyStore& store_;
  const Kind kind_;
  const std::unique_ptr<Watch> under_;
  const uint64_t connection_;
  std::function<void()> call_;
  std::deque<Late> queue_;
  bool broken_ = false;
  uint64_t given_ = 0;
};

FaultyStore::FaultyStore(Store& under, const runtime::Clock& clock, Options options, Hooks hooks)
    : under_(under), clock_(clock), options_(options), hooks_(std::move(hooks)), random_(options.seed) {}

Result<ObjectPtr> FaultyStore::get(const ObjectKey& key) const {
  if (Status reached = reach(key.kind); !reached) return fail(reached.error());
  return under_.get(key);
}

Result<Listing> FaultyStore::list(Kind kind, const ListOptions& options) const {
  if (Status reached = reach(kind); !reached) return fail(reached.error());
  return under_.list(kind, options);
}

Result<std::unique_ptr<Watch>> FaultyStore::watch(Kind kind, const WatchOptions& options) {
  if (Status reached = reach(kind); !reached) return fail(reached.error());
  if (!options.after && happens(options_.old_list)) {
    const auto now = under_.list(kind, {.space = options.space, .limit = 1});
    const uint64_t back = 1 + random_() % 20;
    if (now && now->resource_version > back) {
      const uint64_t at = now->resource_version - back;
      auto old = under_.list(kind, {.space = options.space, .at = at});
      auto since = under_.watch(kind, {.space = options.space, .after = at});
      if (old && since) {
        auto out = std::make_unique<FaultyWatch>(*this, kind, std::move(*since));
        out->begin_with(std::move(*old));
        return out;
      }
    }
  }
  auto watch = under_.watch(kind, options);
  if (!watch) return watch;
  return std::make_unique<FaultyWatch>(*this, kind, std::move(*watch));
}

Result<ObjectPtr> FaultyStore::meet(Verb verb, const ObjectKey& key,
                                    const std::function<Result<ObjectPtr>()>& write) {
  switch (hooks_.fate ? hooks_.fate(verb, key) : Fate::kHappens) {
    case Fate::kHappens:
      return write();
    case Fate::kUnknown:
      static_cast<void>(write());
      return fail(Code::kUnavailable, "{}: no answer came; it may have been written", key.str());
    case Fate::kConflict:
      return fail(Code::kConflict, "{}: another write came first", key.str());
    case Fate::kNever:
      break;
  }
  return fail(Code::kUnavailable, "{}: the store cannot be reached", key.str());
}

Result<ObjectPtr> FaultyStore::create(Object object, const Cause& cause) {
  const ObjectKey key = object.key;
  return meet(Verb::kCreate, key, [&] { return under_.create(std::move(object), cause); });
}
Result<ObjectPtr> FaultyStore::update(Object object, const Precondition& seen, const Cause& cause) {
  const ObjectKey key = object.key;
  return meet(Verb::kUpdate, key, [&] { return under_.update(std::move(object), seen, cause); });
}
Result<ObjectPtr> FaultyStore::update_status(const ObjectKey& key, std::string status,
                                             const Precondition& seen, const Cause& cause) {
  return meet(Verb::kUpdateStatus, key,
              [&] { return under_.update_status(key, std::move(status), seen, cause); });
}
Result<ObjectPtr> FaultyStore::remove(const ObjectKey& key, const Precondition& seen, const Cause& cause) {
  return meet(Verb::kRemove, key, [&] { return under_.remove(key, seen, cause); });
}

}  // namespace slipway::store
