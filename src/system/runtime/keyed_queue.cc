#include "system/runtime/keyed_queue.h"

#include <algorithm>

namespace slipway::runtime {

void KeyedQueue::add(const std::string& key, TimePoint when) { schedule(key, entries_[key], when); }

void KeyedQueue::schedule(const std::string& key, Entry& entry, TimePoint when) {
  when = std::max(when, entry.not_before);
  if (entry.due && *entry.due <= when) return;
  if (entry.due && !entry.working) waiting_.erase({*entry.due, key});
  entry.due = when;
  if (!entry.working) waiting_.emplace(when, key);
}

std::optional<std::string> KeyedQueue::take(TimePoint now) {
  if (waiting_.empty() || waiting_.begin()->first > now) return std::nullopt;
  std::string key = waiting_.begin()->second;
  waiting_.erase(waiting_.begin());
  Entry& entry = entries_[key];
  entry.due.reset();
  entry.working = true;
  return key;
}

void KeyedQueue::done(const std::string& key) {
  const auto at = entries_.find(key);
  if (at == entries_.end()) return;
  if (!at->second.due) return static_cast<void>(entries_.erase(at));
  at->second.working = false;
  at->second.failures = 0;
  at->second.not_before = {};
  waiting_.emplace(*at->second.due, key);
}

Duration KeyedQueue::retry(const std::string& key, TimePoint now) {
  Entry& entry = entries_[key];
  Duration wait = options_.first;
  for (int i = 0; i < entry.failures && wait < options_.longest; ++i) wait *= 2;
  wait = std::min(wait, options_.longest);
  wait -= Duration(static_cast<int64_t>(random_() % static_cast<uint64_t>(wait.count() / 2 + 1)));
  ++entry.failures;
  entry.working = false;
  // What was asked for meanwhile waits too: it would fail as well.
  entry.due.reset();
  entry.not_before = now + wait;
  schedule(key, entry, now + wait);
  return wait;
}

std::optional<TimePoint> KeyedQueue::next() const {
  return waiting_.empty() ? std::nullopt : std::optional(waiting_.begin()->first);
}

}  // namespace slipway::runtime
