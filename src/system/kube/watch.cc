#include "system/kube/watch.h"

#include "system/kube/internal/event_stream.h"

namespace slipway::kube {
namespace {

const ApiError kStopped{.error = {Code::kUnavailable, "the watch was stopped"}};
const ApiError kListBrokeOff{.error = {Code::kConflict, "the watch's first list broke off; it starts anew"},
                             .reason = "Expired"};

}  // namespace

Watch::Watch(const Access& access, WatchQuery query, const runtime::Clock& clock, WatchOptions options)
    : query_(std::move(query)),
      clock_(clock),
      options_(std::move(options)),
      stream_(std::make_unique<internal::EventStream>(access, options_.silence_ms, options_.line_bytes)) {
  if (query_.start == WatchQuery::Start::kFromVersion) resume_from(query_.resource_version);
}

Watch::~Watch() = default;

void Watch::resume_from(std::string_view resource_version) {
  version_ = resource_version;
  listed_ = true;
  open_ = false;
  expired_.reset();
}

void Watch::stop() {
  runtime::MutexLock lock(mutex_);
  stopped_ = true;
  stop_asked_.notify_all();
  stream_->interrupt();
}

void Watch::pause(Duration time) {
  if (time <= Duration::zero()) return;
  if (options_.pause) return options_.pause(time);
  const auto until = std::chrono::steady_clock::now() + time;
  runtime::MutexLock lock(mutex_);
  for (auto now = until - time; !stopped_ && now < until; now = std::chrono::steady_clock::now())
    stop_asked_.wait_for(mutex_, until - now);
}

Result<std::string> Watch::target() const {
  auto path = collection_path(query_.resource, query_.ns);
  if (!path) return path;
  Query query;
  query.add("watch", "true").add("allowWatchBookmarks", "true").add("resourceVersion", version_);
  query.add("labelSelector", query_.label_selector).add("fieldSelector", query_.field_selector);
  query.add("timeoutSeconds", std::to_string(options_.stream_seconds));
  if (!listed_) query.add("sendInitialEvents", "true").add("resourceVersionMatch", "NotOlderThan");
  return *path + query.str();
}

Reply<void> Watch::connect() {
  if (open_) return {};
  pause(std::exchange(wait_, {}));
  if (stopped_) return refuse(kStopped);
  const auto asked = target();
  if (!asked) return refuse(asked.error());
  began_ = clock_.now();
  brought_events_ = false;
  auto begun = stream_->begin(*asked);
  open_ = begun.has_value();
  return begun;
}

Reply<WatchEvent> Watch::next() {
  if (expired_) return refuse(*expired_);
  while (!stopped_) {
    std::optional<ApiError> why;
    if (auto connected = connect(); !connected) {
      why = connected.error();
    } else if (auto event = stream_->next(); !event) {
      why = event.error();
    } else if (*event) {
      return take(std::move(**event));
    }
    if (auto given_up = end_stream(std::move(why))) return refuse(std::move(*given_up));
  }
  return refuse(kStopped);
}

WatchEvent Watch::take(WatchEvent event) {
  brought_events_ = true;
  listed_ = listed_ || event.initial_end;
  // The initial list comes in no order of versions: only its end is a place to go on from.
  if (listed_ && !event.object.resource_version.empty()) version_ = event.object.resource_version;
  return event;
}

// What next() hands up; nothing when it should connect again.
std::optional<ApiError> Watch::end_stream(std::optional<ApiError> why) {
  using Next = RetryDecision::Next;
  open_ = false;
  if (stopped_) return kStopped;
  const double jitter = std::uniform_real_distribution<double>(0, 1)(random_);
  const auto decision =
      decide_retry(options_.retry, {began_, brought_events_, why}, failures_, jitter, clock_.now());
  failures_ = decision.failures;
  wait_ = decision.wait;
  if (decision.next == Next::kRelist) return forget(*why);
  if (!listed_ && brought_events_) return forget(kListBrokeOff);
  if (decision.next == Next::kGiveUp) return why;
  if (options_.on_retry && why) options_.on_retry(*why, wait_);
  return std::nullopt;
}

// What was seen is void. A list of our own starts anew with the next call; the caller's list is the caller's
// work.
ApiError Watch::forget(const ApiError& why) {
  version_.clear();
  listed_ = false;
  if (query_.start == WatchQuery::Start::kFromVersion) expired_ = why;
  return why;
}

}  // namespace slipway::kube
