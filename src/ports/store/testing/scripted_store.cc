#include "ports/store/testing/scripted_store.h"

#include <algorithm>
#include <utility>

namespace slipway::store {

// Between the store and one watch.
struct ScriptedStore::Channel {
  std::deque<Event> waiting;
  std::optional<Error> end;
  bool held = false, asked = false;
  uint64_t given = 0;
  std::function<void()> ready;

  void add(Event event) {
    if (end) return;
    waiting.push_back(std::move(event));
    wake();
  }
  void wake() {
    if (!held && ready && std::exchange(asked, false)) ready();
  }
};

class ScriptedStore::ScriptedWatch final : public Watch {
 public:
  explicit ScriptedWatch(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) {}

  Result<std::optional<Event>> try_next() override {
    if (!channel_->held && !channel_->waiting.empty()) {
      Event event = std::move(channel_->waiting.front());
      channel_->waiting.pop_front();
      channel_->given = event.resource_version;
      return std::optional(std::move(event));
    }
    if (!channel_->held && channel_->end) return fail(*channel_->end);
    channel_->asked = true;
    return std::optional<Event>();
  }
  Result<std::optional<Event>> next(Duration) override { return try_next(); }  // nothing comes by waiting
  void on_ready(std::function<void()> call) override { channel_->ready = std::move(call); }
  uint64_t resource_version() const override { return channel_->given; }

 private:
  const std::shared_ptr<Channel> channel_;
};

ScriptedStore::ScriptedStore() = default;
ScriptedStore::~ScriptedStore() = default;

void ScriptedStore::each_open(Kind kind, const std::function<void(Channel&)>& act) {
  for (const auto& weak : kinds_[kind].channels)
    if (const auto channel = weak.lock()) act(*channel);
}

uint64_t ScriptedStore::put(Object object) {
  ObjectPtr& there = objects_[object.key];
  if (object.meta.uid.empty())
    object.meta.uid = there ? there->meta.uid : fmt::format("{}-{}", object.key.name, version_ + 1);
  object.meta.resource_version = ++version_;
  const Kind kind = object.key.kind;
  const Event event{.change = there ? Change::kModified : Change::kAdded,
                    .object = std::make_shared<const Object>(std::move(object)),
                    .before = there,
                    .resource_version = version_};
  there = event.object;
  tell(kind, event);
  return version_;
}

void ScriptedStore::erase(Kind kind, const std::string& name) {
  const auto at = std::find_if(objects_.begin(), objects_.end(), [&](const auto& each) {
    return each.first.kind == kind && each.first.name == name;
  });
  if (at == objects_.end()) return;
  auto last = std::make_shared<Object>(*at->second);
  last->meta.resource_version = ++version_;
  const ObjectPtr before = at->second;
  objects_.erase(at);
  tell(kind, {.change = Change::kDeleted,
              .object = std::move(last),
              .before = before,
              .resource_version = version_});
}

void ScriptedStore::refuse(Kind kind, Error why) { kinds_[kind].refusal = std::move(why); }
void ScriptedStore::let(Kind kind) { kinds_[kind].refusal.reset(); }
int ScriptedStore::opened(Kind kind) const {
  const auto at = kinds_.find(kind);
  return at == kinds_.end() ? 0 : at->second.opened;
}

void ScriptedStore::break_off(Kind kind, Error why) {
  each_open(kind, [&](Channel& channel) {
    if (channel.end) return;
    channel.end = why;
    channel.wake();
  });
}

void ScriptedStore::begin_anew(Error why) {
  for (const domain::KindInfo& of : domain::kinds()) break_off(of.kind, why);
  objects_.clear();
  version_ = 0;
}

void ScriptedStore::hold(Kind kind) {
  kinds_[kind].held = true;
  each_open(kind, [](Channel& channel) { channel.held = true; });
}

void ScriptedStore::release(Kind kind) {
  kinds_[kind].held = false;
  each_open(kind, [](Channel& channel) {
    channel.held = false;
    if (!channel.waiting.empty() || channel.end) channel.wake();
  });
}

void ScriptedStore::tell(Kind kind, Event event) {
  each_open(kind, [&](Channel& channel) { channel.add(event); });
}

Result<ObjectPtr> ScriptedStore::get(const ObjectKey& key) const {
  const auto at = objects_.find(key);
  if (at == objects_.end()) return fail(Code::kNotFound, "there is no {}", key.str());
  return at->second;
}

Result<Listing> ScriptedStore::list(Kind kind, const ListOptions& options) const {
  Listing out{.items = {}, .resource_version = version_};
  for (const auto& [key, object] : objects_)
    if (key.kind == kind && (options.space.empty() || key.space == options.space))
      out.items.push_back(object);
  return out;
}

Result<std::unique_ptr<Watch>> ScriptedStore::watch(Kind kind, const WatchOptions& options) {
  Of& of = kinds_[kind];
  if (of.refusal) return fail(*of.refusal);
  ++of.opened;
  auto channel = std::make_shared<Channel>();
  channel->held = of.held;
  if (!options.after) {
    const auto listing = list(kind, {.space = options.space});
    for (const ObjectPtr& object : listing->items)
      channel->waiting.push_back({.change = Change::kAdded,
                                  .object = object,
                                  .before = nullptr,
                                  .resource_version = object->meta.resource_version});
    channel->waiting.push_back(
        {.change = Change::kListed, .object = nullptr, .before = nullptr, .resource_version = version_});
  }
  std::erase_if(of.channels, [](const auto& each) { return each.expired(); });
  of.channels.push_back(channel);
  return std::make_unique<ScriptedWatch>(std::move(channel));
}

// It plays a store for those who watch; who writes wants a real one.
namespace {
Error no_writes() { return {Code::kUnsupported, "a scripted store takes no writes but put() and erase()"}; }
}  // namespace

Result<ObjectPtr> ScriptedStore::create(Object, const Cause&) { return fail(no_writes()); }
Result<ObjectPtr> ScriptedStore::update(Object, const Precondition&, const Cause&) {
  return fail(no_writes());
}
Result<ObjectPtr> ScriptedStore::update_status(const ObjectKey&, std::string, const Precondition&,
                                               const Cause&) {
  return fail(no_writes());
}
Result<ObjectPtr> ScriptedStore::remove(const ObjectKey&, const Precondition&, const Cause&) {
  return fail(no_writes());
}

}  // namespace slipway::store
