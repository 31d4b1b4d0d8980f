#include "system/kube/internal/lease_watch.h"

#include "system/kube/internal/lease_json.h"

namespace slipway::kube::internal {
namespace {

constexpr int kSilenceMs = 30'000;  // a lease that is held changes every few seconds

WatchOptions watch_options(const LeaseWatch::Options& options, const LeaseWatch::Hearer& hearer) {
  WatchOptions out{.silence_ms = kSilenceMs,
                   .on_retry = [failed = hearer.failed](const ApiError& why, Duration) { failed(why); }};
  out.retry.longest = options.retry;
  return out;
}

std::string selector(const std::string& name) { return "metadata.name=" + name; }

}  // namespace

Reply<LeaseRead> read_named_lease(Client& client, const std::string& ns, const std::string& name) {
  auto list = client.list({.resource = kLeases, .ns = ns, .field_selector = selector(name)});
  if (!list) return refuse(list.error());
  LeaseRead out{.lease = std::nullopt, .version = list->resource_version};
  for (Object& object : list->items)
    if (object.name == name) out.lease = std::move(object);
  return out;
}

LeaseWatch::LeaseWatch(const Access& access, Options options, const runtime::Clock& clock, Hearer hearer)
    : options_(std::move(options)),
      hearer_(std::move(hearer)),
      client_(access, {.timeout_ms = options_.timeout_ms}),
      watch_(access, {.resource = kLeases, .ns = options_.ns, .field_selector = selector(options_.name)},
             clock, watch_options(options_, hearer_)),
      thread_([this] { run(); }) {}

LeaseWatch::~LeaseWatch() {
  stop();
  thread_.join();
}

void LeaseWatch::stop() {
  {
    const runtime::MutexLock lock(mutex_);
    stopped_ = true;
  }
  stop_asked_.notify_all();
  client_.interrupt();
  watch_.stop();
}

void LeaseWatch::pause() {
  const auto until = std::chrono::steady_clock::now() + options_.retry;
  const runtime::MutexLock lock(mutex_);
  for (auto now = until - options_.retry; !stopped_ && now < until; now = std::chrono::steady_clock::now())
    stop_asked_.wait_for(mutex_, until - now);
}

void LeaseWatch::run() {
  while (!watch_.stopped()) {
    const auto done = step();
    if (done || watch_.stopped()) continue;
    hearer_.failed(done.error());
    pause();
  }
}

Reply<void> LeaseWatch::step() {
  if (!read_) {
    auto now = read_named_lease(client_, options_.ns, options_.name);
    if (!now) return refuse(now.error());
    watch_.resume_from(now->version);
    read_ = true;
    hearer_.seen(now->lease);
  }
  const auto event = watch_.next();
  if (!event && event.error().expired()) {
    read_ = false;
    return {};
  }
  if (!event) return refuse(event.error());
  if (event->type == WatchEvent::Type::kBookmark || event->object.name != options_.name) return {};
  if (event->type == WatchEvent::Type::kDeleted)
    hearer_.seen(std::nullopt);
  else
    hearer_.seen(event->object);
  return {};
}

}  // namespace slipway::kube::internal
