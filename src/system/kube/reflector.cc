#include "system/kube/reflector.h"

#include <algorithm>
#include <charconv>

#include "system/runtime/log.h"

namespace slipway::kube {
namespace {

using namespace std::chrono_literals;

constexpr Duration kFirstPause = 200ms;
constexpr size_t kMostEnded = 10'000;  // uids of what is gone

// Versions are ordered within a resource (KEP-5504); one that is no number is older than nothing.
uint64_t number(const std::string& version) {
  uint64_t out = 0;
  std::from_chars(version.data(), version.data() + version.size(), out);
  return out;
}

WatchQuery watch_query(const ReflectorQuery& query) {
  return {.resource = query.resource,
          .ns = query.ns,
          .label_selector = query.label_selector,
          .field_selector = query.field_selector,
          .start = WatchQuery::Start::kListFirst,
          .resource_version = {}};
}

}  // namespace

Reflector::Reflector(const Access& access, ReflectorQuery query, const runtime::Clock& clock,
                     ReflectorSink sink, WatchOptions options)
    : query_(std::move(query)),
      sink_(std::move(sink)),
      longest_pause_(options.retry.longest),
      watch_(access, watch_query(query_), clock,
             [&] {
               options.on_retry = [this](const ApiError& why, Duration) { fail_for_now(why); };
               options.on_open = [this] { recover(); };
               return options;
             }()),
      thread_([this] { run(); }) {}

Reflector::~Reflector() {
  {
    const runtime::MutexLock lock(mutex_);
    stopping_ = true;
  }
  stop_asked_.notify_all();
  watch_.stop();
  thread_.join();
}

std::string Reflector::last_error() const {
  const runtime::MutexLock lock(mutex_);
  return error_;
}

void Reflector::fail_for_now(const ApiError& why) {
  lost_ = true;
  const runtime::MutexLock lock(mutex_);
  if (error_ == why.error.message) return;
  error_ = why.error.message;
  runtime::log::warn("kube", "a watch was lost; what is known stands",
                     {{"resource", query_.resource.str()}, {"why", error_}});
}

void Reflector::recover() {
  if (!lost_.exchange(false)) return;
  const runtime::MutexLock lock(mutex_);
  error_.clear();
}

void Reflector::run() {
  while (!watch_.stopped()) {
    const auto event = watch_.next();
    if (event) {
      take(*event);
      continue;
    }
    if (watch_.stopped()) return;
    if (event.error().expired()) {  // the next call begins with a list; after all else the watch goes on
      listing_ = true;
      listed_.clear();
      continue;
    }
    fail_for_now(event.error());
    const Duration pause = std::min(kFirstPause * (1 << std::min(failures_++, 10)), longest_pause_);
    const auto until = std::chrono::steady_clock::now() + pause;
    const runtime::MutexLock lock(mutex_);
    for (auto now = until - pause; !stopping_ && now < until; now = std::chrono::steady_clock::now())
      stop_asked_.wait_for(mutex_, until - now);
  }
}

void Reflector::take(const WatchEvent& event) {
  failures_ = 0;
  recover();
  switch (event.type) {
    case WatchEvent::Type::kAdded:
    case WatchEvent::Type::kModified:
      put(event.object);
      break;
    case WatchEvent::Type::kDeleted:
      if (const auto at = known_.find({event.object.ns, event.object.name});
          at != known_.end() && at->second.uid == event.object.uid)
        drop(at->first, number(event.object.resource_version));
      break;
    case WatchEvent::Type::kBookmark:
      if (event.initial_end && listing_) finish_list(number(event.object.resource_version));
      break;
  }
  if (!listing_) sink_.settled();
}

void Reflector::put(const Object& object) {
  const Key key{object.ns, object.name};
  if (listing_) listed_.insert(key);
  const Known now{object.uid, number(object.resource_version)};
  if (const auto ended = ended_.find(now.uid); ended != ended_.end() && now.version <= ended->second) return;
  Known& before = known_[key];
  if (before.uid == now.uid && before.version >= now.version) return;
  before = now;
  sink_.put(object);
}

void Reflector::drop(const Key& key, uint64_t version) {
  const Key gone = key;
  if (ended_.size() >= kMostEnded) ended_.clear();
  ended_[known_[gone].uid] = version;
  known_.erase(gone);
  sink_.drop(gone.first, gone.second, version);
}

void Reflector::finish_list(uint64_t version) {
  std::vector<Key> gone;
  for (const auto& [key, known] : known_)
    if (!listed_.contains(key)) gone.push_back(key);
  for (const Key& key : gone) drop(key, version);
  listed_.clear();
  listing_ = false;
  synced_ = true;
  ++lists_;
}

}  // namespace slipway::kube
