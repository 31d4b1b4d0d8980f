#include "adapters/local/internal/table.h"

#include <algorithm>

namespace slipway::local {

domain::ObjectPtr Table::find(const domain::ObjectKey& key) const {
  const auto at = objects_.find({key.space, key.name});
  return at == objects_.end() ? nullptr : at->second;
}

void Table::apply(store::Event event) {
  if (event.change == store::Change::kDeleted)
    objects_.erase({event.object->key.space, event.object->key.name});
  else
    put(event.object);
  history_.push_back(std::move(event));
  if (history_.size() <= history_limit_) return;
  floor_ = history_.front().resource_version;
  history_.pop_front();
  ++first_;
}

store::Listing Table::cut(const Objects& objects, const store::ListOptions& options) {
  store::Listing out;
  const Name after{options.after_space, options.after_name};
  auto at = options.after_name.empty() ? objects.lower_bound({options.space, ""})
                                       : objects.upper_bound(std::max(after, Name{options.space, ""}));
  for (; at != objects.end(); ++at) {
    if (!options.space.empty() && at->first.first != options.space) break;
    if (options.limit != 0 && out.items.size() == options.limit)
      ++out.remaining;
    else
      out.items.push_back(at->second);
  }
  return out;
}

void Table::undo(Objects& objects, const store::Event& event) const {
  const Name name{event.object->key.space, event.object->key.name};
  if (event.before)
    objects[name] = event.before;
  else
    objects.erase(name);
}

Result<store::Listing> Table::list(const store::ListOptions& options, uint64_t now) const {
  const uint64_t at = options.at == 0 ? now : options.at;
  if (at < floor_)
    return fail(Code::kNotFound, "version {} is too old; {} is the oldest that is kept", at, floor_);
  const bool past = !history_.empty() && history_.back().resource_version > at;
  store::Listing out;
  if (past) {
    // What happened since is undone on a copy: rare, and it needs no snapshots to be kept.
    Objects then = objects_;
    for (auto event = history_.rbegin(); event != history_.rend() && event->resource_version > at; ++event)
      undo(then, *event);
    out = cut(then, options);
  } else {
    out = cut(objects_, options);
  }
  out.resource_version = at;
  return out;
}

const store::Event* Table::event_at(uint64_t position) const {
  if (position < first_ || position >= end_position()) return nullptr;
  return &history_[position - first_];
}

Result<uint64_t> Table::position_after(uint64_t version) const {
  if (version < floor_) return fail(Code::kNotFound, "too old resource version: {} ({})", version, floor_);
  const auto at = std::upper_bound(
      history_.begin(), history_.end(), version,
      [](uint64_t wanted, const store::Event& event) { return wanted < event.resource_version; });
  return first_ + static_cast<uint64_t>(at - history_.begin());
}

}  // namespace slipway::local
