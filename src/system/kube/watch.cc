#include "system/kube/watch.h"

#include "system/kube/client.h"
#include "system/kube/internal/event_stream.h"

namespace slipway::kube {
namespace {

const ApiError kStopped{.error = {Code::kUnavailable, "the watch was stopped"}};
const ApiError kListBrokeOff{.error = {Code::kConflict, "the watch's first list broke off; it starts anew"},
                             .reason = "Expired"};
constexpr int kGraceSeconds = 30;  // for a server to end a stream after it was asked to

http::ClientOptions stream_options(const WatchOptions& options) {
  const int longest_ms = (2 * options.stream_seconds + kGraceSeconds) * 1000;
  return {.timeout_ms = options.timeout_ms,
          .body_timeout_ms = options.silence_ms > 0 ? options.silence_ms : longest_ms};
}

// It is too old for that, or told not to: whatever else is wrong with the request, a list will say.
bool may_not_begin_with_a_list(const ApiError& error) { return error.status == 400 || error.status == 422; }

}  // namespace

Watch::Watch(const Access& access, WatchQuery query, const runtime::Clock& clock, WatchOptions options)
    : query_(std::move(query)),
      clock_(clock),
      options_(std::move(options)),
      stream_(std::make_unique<internal::EventStream>(access, stream_options(options_), options_.metrics,
                                                      options_.line_bytes)),
      lister_(std::make_unique<Client>(
          access, ClientOptions{.timeout_ms = options_.timeout_ms, .metrics = options_.metrics})),
      row_(options_.row ? options_.row : std::make_shared<RetryRow>()) {
  if (query_.start == WatchQuery::Start::kFromVersion) resume_from(query_.resource_version);
}

Watch::~Watch() = default;

void Watch::resume_from(std::string_view resource_version) {
  version_ = resource_version;
  listed_ = true;
  open_ = false;
  list_.clear();
  expired_.reset();
}

void Watch::stop() {
  pause_.stop();
  stream_->interrupt();
  lister_->interrupt();
}

void Watch::pause(Duration time) {
  if (time <= Duration::zero()) return;
  options_.pause ? options_.pause(time) : pause_.wait(time);
}

Result<std::string> Watch::target() {
  auto path = collection_path(query_.resource, query_.ns);
  if (!path) return path;
  const int longest = 2 * options_.stream_seconds;
  const int seconds = std::uniform_int_distribution<int>(options_.stream_seconds, longest)(random_);
  Query query;
  query.add("watch", "true").add("allowWatchBookmarks", "true").add("resourceVersion", version_);
  query.add("labelSelector", query_.label_selector).add("fieldSelector", query_.field_selector);
  query.add("timeoutSeconds", std::to_string(seconds));
  if (!listed_) query.add("sendInitialEvents", "true").add("resourceVersionMatch", "NotOlderThan");
  return *path + query.str();
}

Reply<void> Watch::connect() {
  pause(row_->due(clock_.now()));
  if (stopped()) return refuse(kStopped);
  began_ = clock_.now();
  brought_events_ = false;
  if (!listed_ && by_pages_) return list_pages();
  auto opened = open_stream();
  if (opened || listed_ || !may_not_begin_with_a_list(opened.error())) return opened;
  by_pages_ = true;
  return list_pages();
}

Reply<void> Watch::open_stream() {
  const auto asked = target();
  if (!asked) return refuse(asked.error());
  if (auto begun = stream_->begin(*asked); !begun) return begun;
  open_ = true;
  if (std::exchange(opened_before_, true) && listed_ && options_.metrics != nullptr)
    options_.metrics->restarted(query_.resource);
  if (options_.on_open) options_.on_open();
  return {};
}

// As events, as a stream would have begun.
Reply<void> Watch::list_pages() {
  auto all = lister_->list({.resource = query_.resource,
                            .ns = query_.ns,
                            .label_selector = query_.label_selector,
                            .field_selector = query_.field_selector});
  if (!all) return refuse(all.error());
  list_.clear();
  for (Object& object : all->items) list_.push_back({WatchEvent::Type::kAdded, std::move(object)});
  list_.push_back({.type = WatchEvent::Type::kBookmark,
                   .object = {.resource_version = all->resource_version},
                   .initial_end = true});
  return {};
}

// Nothing: the stream has ended in order.
Reply<std::optional<WatchEvent>> Watch::read() {
  if (list_.empty() && !open_)
    if (auto connected = connect(); !connected) return refuse(connected.error());
  if (list_.empty()) return stream_->next();
  std::optional<WatchEvent> out(std::move(list_.front()));
  list_.pop_front();
  return out;
}

Reply<WatchEvent> Watch::next() {
  if (expired_) return refuse(*expired_);
  while (!stopped()) {
    auto event = read();
    if (event && *event) return take(std::move(**event));
    std::optional<ApiError> why;
    if (!event) why = std::move(event.error());
    if (auto given_up = end_stream(std::move(why))) return refuse(std::move(*given_up));
  }
  return refuse(kStopped);
}

WatchEvent Watch::take(WatchEvent event) {
  const std::string& version = event.object.resource_version;
  brought_events_ = true;
  listed_ = listed_ || event.initial_end;
  // The initial list comes in no order of versions: only its end is a place to go on from. Later events come
  // in order; a server that goes back in time does not take us along.
  if (listed_ && !version.empty() && (event.initial_end || !is_older(version, version_))) version_ = version;
  return event;
}

// What next() hands up; nothing when it should connect again.
std::optional<ApiError> Watch::end_stream(std::optional<ApiError> why) {
  using Next = RetryDecision::Next;
  open_ = false;
  if (stopped()) return kStopped;
  const TimePoint now = clock_.now();
  const double jitter = std::uniform_real_distribution<double>(0, 1)(random_);
  const auto decision = decide_retry(options_.retry, {began_, why}, row_->failures(), jitter, now);
  row_->set(decision, now);
  if (decision.next == Next::kRelist) return forget(*why);
  if (!listed_ && brought_events_) return forget(kListBrokeOff);
  if (decision.next == Next::kGiveUp) return why;
  if (options_.on_retry && why) options_.on_retry(*why, decision.wait);
  return std::nullopt;
}

// What was seen is void. A list of our own starts anew with the next call; the caller's list is the caller's
// work.
ApiError Watch::forget(const ApiError& why) {
  version_.clear();
  listed_ = false;
  if (options_.metrics != nullptr) options_.metrics->relisted(query_.resource);
  if (query_.start == WatchQuery::Start::kFromVersion) expired_ = why;
  return why;
}

}  // namespace slipway::kube
