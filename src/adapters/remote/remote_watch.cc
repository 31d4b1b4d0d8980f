#include "adapters/remote/internal/remote_watch.h"

#include "adapters/remote/internal/translate.h"
#include "system/runtime/log.h"

namespace slipway::remote {
namespace {

using store::Change;

Change to_change(kube::WatchEvent::Type type) {
  switch (type) {
    case kube::WatchEvent::Type::kAdded:
      return Change::kAdded;
    case kube::WatchEvent::Type::kDeleted:
      return Change::kDeleted;
    default:
      return Change::kModified;
  }
}

kube::WatchQuery query_of(store::Kind kind, const store::WatchOptions& options) {
  kube::WatchQuery out{
      .resource = resource_of(kind), .ns = options.space, .label_selector = selector_of(kind)};
  out.start = options.after ? kube::WatchQuery::Start::kFromVersion : kube::WatchQuery::Start::kListFirst;
  if (options.after) out.resource_version = fmt::format("{}", *options.after);
  return out;
}

// Who may not wait for long begins with short waits, and calls a stream healthy sooner.
kube::RetryOptions retry_for(Duration longest) {
  kube::RetryOptions out{.longest = longest};
  out.first = std::min(out.first, longest / 10);
  out.healthy = std::min(out.healthy, 4 * longest);
  return out;
}

}  // namespace

RemoteWatch::RemoteWatch(const kube::Access& access, const runtime::Clock& clock, store::Kind kind,
                         const store::WatchOptions& options, WatchSettings settings)
    : kind_(kind),
      settings_(std::move(settings)),
      clock_(clock),
      watch_(access, query_of(kind, options), clock, watch_options()),
      listing_(!options.after),
      given_(options.after.value_or(0)),
      thread_([this] { read_until_stopped(); }) {}

RemoteWatch::~RemoteWatch() {
  {
    const runtime::MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  watch_.stop();
  thread_.join();
}

kube::WatchOptions RemoteWatch::watch_options() {
  return {.retry = retry_for(settings_.longest_wait),
          .timeout_ms = settings_.timeout_ms,
          .on_retry = [this](const kube::ApiError& why, Duration wait) { on_retry(why, wait); },
          .on_open =
              [this] {
                lost_ = false;
                began_ = began_ || std::exchange(opened_, true);  // the stream before was not refused
              },
          .row = settings_.row,
          .metrics = settings_.metrics};
}

void RemoteWatch::on_retry(const kube::ApiError& why, Duration wait) {
  lost_ = true;
  if (is_too_new(why) && !wait_for_it(why)) return watch_.stop();
  runtime::log::warn("remote", "a watch lost its connection and opens another",
                     {{"resource", domain::info(kind_).plural},
                      {"why", why.error.message},
                      {"wait_ms", int64_t{wait / std::chrono::milliseconds(1)}}});
}

// One of several servers may be behind the others for a moment. One that was set back for good never comes
// to where we are; nor need it come to where somebody only says that he has been.
bool RemoteWatch::wait_for_it(const kube::ApiError& too_new) {
  const TimePoint now = clock_.now();
  if (!behind_since_) behind_since_ = now;
  if (began_ && now - *behind_since_ < settings_.behind_wait) return true;
  too_new_ = too_new;
  return false;
}

void RemoteWatch::read_until_stopped() {
  while (true)
    if (Status read = read_one(); !read) return end(read.error());
}

Status RemoteWatch::read_one() {
  const auto event = watch_.next();
  if (!event) return fail(why_ended(event.error()));
  began_ = true;
  behind_since_.reset();
  if (event->type == kube::WatchEvent::Type::kBookmark) return put_version(*event);
  return put_object(to_change(event->type), event->object);
}

Status RemoteWatch::put_object(Change change, const kube::Object& object) {
  auto read = to_object(kind_, object.json);
  if (!read) return fail(read.error());
  const uint64_t version = (*read)->meta.resource_version;
  Item item{.event = nullptr, .version = version};
  item.event = std::make_unique<store::Event>(store::Event{
      .change = change, .object = std::move(*read), .before = nullptr, .resource_version = version});
  return put(std::move(item));
}

Status RemoteWatch::put_version(const kube::WatchEvent& bookmark) {
  const auto version = to_version(bookmark.object.resource_version);
  if (!version) return fail(version.error());
  if (!bookmark.initial_end || !std::exchange(listing_, false)) return put({nullptr, *version});
  Item item{.event = nullptr, .version = *version};
  item.event = std::make_unique<store::Event>(store::Event{
      .change = Change::kListed, .object = nullptr, .before = nullptr, .resource_version = *version});
  return put(std::move(item));
}

Status RemoteWatch::put(Item item) {
  const bool is_event = item.event != nullptr;
  {
    const runtime::MutexLock lock(mutex_);
    while (listing_ && queue_.size() >= settings_.waiting_events && !stopping_) changed_.wait(mutex_);
    if (stopping_) return fail(Code::kUnavailable, "the watch was stopped");
    if (!is_event && !queue_.empty() && !queue_.back().event) {
      queue_.back() = std::move(item);
      return ok();
    }
    if (queue_.size() >= settings_.waiting_events + 1)  // one more: the mark that all was listed
      return fail(Code::kNotFound, "the watch was too slow: {} changes waited; list again", queue_.size());
    queue_.push_back(std::move(item));
  }
  if (is_event) tell();
  return ok();
}

Error RemoteWatch::why_ended(const kube::ApiError& error) const {
  if (!too_new_) return to_error(error);
  if (!began_) return too_new_->error;
  return {Code::kNotFound, "the server has gone back to an earlier version; list again"};
}

void RemoteWatch::end(Error why) {
  watch_.stop();  // the server need not keep what nobody reads
  {
    const runtime::MutexLock lock(mutex_);
    queue_.clear();
    ended_ = std::move(why);
  }
  tell();
}

void RemoteWatch::tell() {
  std::function<void()> call;
  {
    const runtime::MutexLock lock(mutex_);
    if (std::exchange(asked_, false)) call = call_;
  }
  changed_.notify_all();
  if (call) call();
}

RemoteWatch::Taken RemoteWatch::take() {
  while (!queue_.empty()) {
    const uint64_t version = queue_.front().version;
    const std::unique_ptr<store::Event> event = std::move(queue_.front().event);
    queue_.pop_front();
    // What is there at the beginning comes by name, not by version: only its end says how far it reaches.
    if (!event || event->change != Change::kAdded || version > given_) given_ = version;
    if (event) return std::move(*event);
  }
  if (ended_) return fail(*ended_);
  asked_ = true;
  return std::optional<store::Event>();
}

RemoteWatch::Taken RemoteWatch::try_next() {
  Taken taken = [this] {
    const runtime::MutexLock lock(mutex_);
    return take();
  }();
  if (taken && *taken) changed_.notify_all();
  return taken;
}

RemoteWatch::Taken RemoteWatch::next(Duration patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    Taken taken = try_next();
    if (!taken || *taken) return taken;
    const runtime::MutexLock lock(mutex_);
    for (auto now = std::chrono::steady_clock::now(); queue_.empty() && !ended_;) {
      if (now >= deadline) return std::optional<store::Event>();
      changed_.wait_for(mutex_, deadline - now);
      now = std::chrono::steady_clock::now();
    }
  }
}

void RemoteWatch::on_ready(std::function<void()> call) {
  const runtime::MutexLock lock(mutex_);
  call_ = std::move(call);
}

uint64_t RemoteWatch::resource_version() const {
  const runtime::MutexLock lock(mutex_);
  return given_;
}

}  // namespace slipway::remote
