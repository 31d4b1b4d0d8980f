// What the cluster has of one kind, as structs, kept up by a watch, and by what we wrote ourselves before the
// watch tells of it. An older state never replaces a newer one. Thread-safe.
#pragma once

#include <charconv>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "system/kube/metrics.h"
#include "system/kube/reflector.h"
#include "system/runtime/log.h"
#include "system/runtime/mutex.h"
#include "values/json/document.h"

namespace slipway::pods {

template <class T>
class Shelf {
 public:
  using Name = std::pair<std::string, std::string>;  // namespace, name
  using See = std::function<T(const json::Document&)>;

  explicit Shelf(See see) : see_(std::move(see)) {}

  // Begins to watch.
  void open(const kube::Access& access, kube::ReflectorQuery query, const runtime::Clock& clock,
            std::function<void()> wake, kube::ApiMetrics& metrics) {
    reflector_ = std::make_unique<kube::Reflector>(
        access, std::move(query), clock,
        kube::ReflectorSink{.put = [this](const kube::Object& object) { put(object); },
                            .drop = [this](const std::string& ns, const std::string& name,
                                           uint64_t version) { drop({ns, name}, version); },
                            .settled = std::move(wake)},
        kube::WatchOptions{.metrics = &metrics});
  }
  bool synced() const { return reflector_->synced(); }
  bool lost() const { return reflector_->lost(); }
  int64_t lists() const { return reflector_->lists(); }
  std::string last_error() const { return reflector_->last_error(); }

  std::optional<T> find(const std::string& ns, const std::string& name) const SLIPWAY_EXCLUDES(mutex_) {
    const runtime::MutexLock lock(mutex_);
    const auto at = items_.find({ns, name});
    return at == items_.end() ? std::nullopt : std::optional(at->second.seen);
  }
  // Of one namespace, by name; nothing may be asked of the shelf meanwhile.
  void each(const std::string& ns, const std::function<void(const std::string& name, const T&)>& take) const
      SLIPWAY_EXCLUDES(mutex_) {
    const runtime::MutexLock lock(mutex_);
    for (auto at = items_.lower_bound({ns, ""}); at != items_.end() && at->first.first == ns; ++at)
      take(at->first.second, at->second.seen);
  }

  // As a write of ours was answered, or as it was read.
  void put(const kube::Object& object) SLIPWAY_EXCLUDES(mutex_) {
    const auto document = json::parse_document(object.json, {.bytes = kObjectBytes});
    if (!document)
      return runtime::log::warn("pods", "an object cannot be read",
                                {{"name", object.name}, {"error", document.error().message}});
    Item item{.uid = object.uid, .version = number(object.resource_version), .seen = see_(*document)};
    const runtime::MutexLock lock(mutex_);
    if (const auto gone = gone_.find(object.uid); gone != gone_.end() && item.version <= gone->second) return;
    const auto at = items_.find({object.ns, object.name});
    if (at == items_.end())
      items_.emplace(Name{object.ns, object.name}, std::move(item));
    else if (at->second.uid != item.uid || at->second.version < item.version)
      at->second = std::move(item);
  }
  // It was removed by us: late news of it does not bring it back.
  void removed(const std::string& ns, const std::string& name) SLIPWAY_EXCLUDES(mutex_) {
    const runtime::MutexLock lock(mutex_);
    const auto at = items_.find({ns, name});
    if (at == items_.end()) return;
    forget(at, UINT64_MAX);
  }

 private:
  static constexpr size_t kObjectBytes = 16 << 20, kMostGone = 10'000;
  struct Item {
    std::string uid;
    uint64_t version = 0;
    T seen;
  };
  static uint64_t number(const std::string& version) {
    uint64_t out = 0;
    std::from_chars(version.data(), version.data() + version.size(), out);
    return out;
  }
  void drop(const Name& name, uint64_t version) SLIPWAY_EXCLUDES(mutex_) {
    const runtime::MutexLock lock(mutex_);
    if (const auto at = items_.find(name); at != items_.end()) forget(at, version);
  }
  // An answer to a write of ours may come after the news of its end.
  void forget(typename std::map<Name, Item>::iterator at, uint64_t version) SLIPWAY_REQUIRES(mutex_) {
    if (gone_.size() >= kMostGone) gone_.clear();
    gone_[at->second.uid] = version;
    items_.erase(at);
  }

  const See see_;
  mutable runtime::Mutex mutex_;
  std::map<Name, Item> items_ SLIPWAY_GUARDED_BY(mutex_);
  std::map<std::string, uint64_t> gone_ SLIPWAY_GUARDED_BY(mutex_);  // at which version, by uid
  std::unique_ptr<kube::Reflector> reflector_;  // its thread uses the rest: it goes first
};

}  // namespace slipway::pods
