#include "ports/store/mirror.h"

namespace slipway::store {
namespace {

constexpr size_t kMostEnds = 10'000;

}  // namespace

Mirror::Mirror(Store& store, Kind kind, std::string space, std::function<void()> wake)
    : store_(store), kind_(kind), space_(std::move(space)), wake_(std::move(wake)) {}
Mirror::~Mirror() = default;

Status Mirror::open() {
  auto watch = store_.watch(kind_, {.space = space_, .after = {}});
  if (!watch) return fail(watch.error());
  watch_ = std::move(*watch);
  if (wake_) watch_->on_ready(wake_);
  listed_.clear();
  ended_.clear();
  ends_.clear();
  listing_ = true;
  return ok();
}

Result<Mirror::Changes> Mirror::pull() {
  Changes changes;
  if (!watch_)
    if (Status opened = open(); !opened) return fail(opened.error());
  while (true) {
    auto event = watch_->try_next();
    if (!event) {
      // What came before is told; the next call opens another watch, and lists again.
      watch_.reset();
      if (changes.changed.empty() && changes.gone.empty()) return fail(event.error());
      return changes;
    }
    if (!*event) return changes;
    take(**event, changes);
  }
}

void Mirror::take(const Event& event, Changes& changes) {
  if (event.change == Change::kListed) return finish_list(changes);
  const std::string& name = event.object->key.name;
  const auto known = objects_.find(name);
  const bool same = known != objects_.end() && known->second->meta.uid == event.object->meta.uid;
  if (event.change == Change::kDeleted) {
    // The end of an object whose name another one has by now is no news.
    remember_end(event.object->meta.uid);
    if (!same) return;
    objects_.erase(known);
    changes.gone.insert(name);
    changes.changed.erase(name);
    return;
  }
  if (ended_.contains(event.object->meta.uid)) return;
  if (listing_) listed_.insert(name);
  // A list may be older than what is known, as another server of the same API gives it; that of a store that
  // has moved is not, and its numbers may have begun anew.
  const bool anew = moved_ && listing_ && !same;
  if (known != objects_.end() && !anew &&
      event.object->meta.resource_version <= known->second->meta.resource_version)
    return;
  if (known != objects_.end() && !same) changes.replaced.insert(name);
  changes.changed.insert(name);
  objects_[name] = event.object;
}

// A watch may go on for months: late news is late by seconds.
void Mirror::remember_end(const std::string& uid) {
  if (!ended_.insert(uid).second) return;
  ends_.push_back(uid);
  if (ends_.size() <= kMostEnds) return;
  ended_.erase(ends_.front());
  ends_.pop_front();
}

void Mirror::finish_list(Changes& changes) {
  std::erase_if(objects_, [&](const auto& each) {
    if (!listing_ || listed_.contains(each.first)) return false;
    changes.gone.insert(each.first);
    return true;
  });
  listed_.clear();
  listing_ = moved_ = false;
  synced_ = true;
}

ObjectPtr Mirror::find(std::string_view name) const {
  const auto at = objects_.find(name);
  return at == objects_.end() ? nullptr : at->second;
}

void Mirror::put(ObjectPtr object) {
  const auto known = objects_.find(object->key.name);
  // What the watch has taken away, or knows better, stays so.
  if (known == objects_.end() || known->second->meta.uid != object->meta.uid) return;
  if (known->second->meta.resource_version < object->meta.resource_version) known->second = std::move(object);
}

}  // namespace slipway::store
