#include "system/kube/lease.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "system/kube/internal/lease_json.h"
#include "system/kube/internal/lease_watch.h"
#include "system/os/random.h"
#include "system/runtime/log.h"

namespace slipway::kube {
namespace {

using internal::LeaseRecord;
using Next = ElectionDecision::Next;
namespace log = runtime::log;

constexpr int64_t kNever = INT64_MIN;
constexpr Duration kNap =
    std::chrono::seconds(1);  // condition variables stand still while the machine sleeps
constexpr std::string_view kTransitionsHelp = "Times that this process took, lost or gave back the lease.";

int64_t whole_seconds(Duration time) { return std::chrono::ceil<std::chrono::seconds>(time).count(); }

// What was seen is not so any more.
bool is_news(const ApiError& error) {
  return error.reason == "Conflict" || error.already_exists() || error.error.code == Code::kNotFound;
}

// Of no text: what no lease says.
Result<LeaseRecord> record_in(std::string_view json) {
  if (json.empty()) return LeaseRecord{};
  return internal::read_lease(json);
}

Duration claimed(const LeaseRecord& record, const ElectionOptions& otherwise) {
  return record.duration_seconds > 0 ? std::chrono::seconds(record.duration_seconds) : otherwise.duration;
}

telemetry::Counter& transitions(telemetry::Registry& registry, const std::string& lease, const char* to) {
  return registry.counter("slipway_lease_transitions", kTransitionsHelp, {{"lease", lease}, {"to", to}});
}

LeaseOptions with_identity(LeaseOptions options) {
  if (options.identity.empty()) options.identity = make_identity();
  return options;
}

}  // namespace

std::string make_identity() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  std::array<uint8_t, 8> random{};
  os::random_bytes(random);
  std::string out = std::string(host.data()) + "_";
  for (const uint8_t byte : random) out += fmt::format("{:02x}", byte);
  return out;
}

Lease::Metrics::Metrics(telemetry::Registry& registry, const std::string& name)
    : leader(
          registry.gauge("slipway_lease_leader", "1 while this process holds the lease.", {{"lease", name}})),
      acquired(transitions(registry, name, "held")),
      lost(transitions(registry, name, "lost")),
      released(transitions(registry, name, "released")),
      failures(registry.counter("slipway_lease_failures",
                                "Tries to read, take or renew the lease that failed.", {{"lease", name}})) {}

Lease::Lease(const Access& access, LeaseOptions options, const runtime::Clock& clock,
             telemetry::Registry& metrics)
    : access_(access),
      options_(with_identity(std::move(options))),
      clock_(clock),
      metrics_(metrics, options_.name),
      client_(access, {.timeout_ms = options_.timeout_ms}) {
  const runtime::MutexLock lock(mutex_);
  standing_.identity = options_.identity;
}

Lease::~Lease() {
  interrupt();
  stop_threads();
}

void Lease::on_lost(std::function<void(const std::string& why)> call) { on_lost_ = std::move(call); }

std::string Lease::holder() const {
  const runtime::MutexLock lock(mutex_);
  return standing_.seen && standing_.seen->exists ? standing_.seen->holder : "";
}

void Lease::interrupt() {
  const runtime::MutexLock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  client_.interrupt();
}

std::optional<ElectionDecision> Lease::await_decision() {
  const runtime::MutexLock lock(mutex_);
  while (!stopping_ && !lost_) {
    const TimePoint now = clock_.now();
    auto decision = decide_election(options_.election, standing_, now);
    if (decision.next != Next::kWait) return decision;
    changed_.wait_for(mutex_, decision.until - now < kNap ? decision.until - now : kNap);
  }
  return std::nullopt;
}

void Lease::see(const std::optional<Object>& lease) {
  const auto record = record_in(lease ? lease->json : "");
  if (!record) return note({.error = record.error()});
  const runtime::MutexLock lock(mutex_);
  std::optional<LeaseSeen>& seen = standing_.seen;
  // Others may change its labels as they like: what counts is what its holder writes.
  const bool same = seen && seen->exists == lease.has_value() && *record == record_in(json_);
  json_ = lease ? lease->json : "";
  if (same) return;
  if (lease || !seen) seen = {.holder = record->holder, .duration = claimed(*record, options_.election)};
  seen->exists = lease.has_value();
  seen->changed = clock_.now();
  standing_.failed.reset();
  changed_.notify_all();
}

std::string Lease::next_text(const std::string& holder) const {
  LeaseRecord next = record_in(json_).value_or(LeaseRecord{});
  const std::string now = internal::micro_time(clock_.wall());
  if (!holder.empty() && holder != next.holder) {
    next.acquired = now;
    next.transitions += json_.empty() ? 0 : 1;
  }
  next.holder = holder;
  next.renewed = now;
  next.duration_seconds = holder.empty() ? 1 : whole_seconds(options_.election.duration);
  return internal::write_lease(json_.empty() ? internal::new_lease(options_.ns, options_.name) : json_, next);
}

Reply<Object> Lease::write(Client& client, const std::string& holder) {
  std::string text;
  bool exists = false;
  {
    const runtime::MutexLock lock(mutex_);
    exists = !json_.empty();
    text = next_text(holder);
  }
  if (!exists) return client.create(internal::kLeases, options_.ns, text);
  return client.update({internal::kLeases, options_.ns, options_.name}, text);
}

// False: it came too late to lead by it.
bool Lease::hold(const Object& written, TimePoint sent) {
  see(written);
  const runtime::MutexLock lock(mutex_);
  const TimePoint until = renew_deadline(options_.election, sent);
  if (lost_ || clock_.now() >= until) return false;
  standing_.renewed = sent;
  standing_.failed.reset();
  last_failure_.clear();
  held_until_ = until.time_since_epoch().count();
  return true;
}

void Lease::note(const ApiError& failure) {
  metrics_.failures.add();
  const runtime::MutexLock lock(mutex_);
  if (stopping_ || lost_ || std::exchange(last_failure_, failure.error.message) == failure.error.message)
    return;
  log::warn("kube", "the lease cannot be read or written",
            {{"lease", options_.ns + "/" + options_.name}, {"why", failure.error.message}});
}

// A try that was sent then has changed nothing.
void Lease::put_off(const ApiError& why, TimePoint sent) {
  {
    const runtime::MutexLock lock(mutex_);
    // After a change the next is another matter.
    if (!standing_.seen || standing_.seen->changed <= sent) {
      standing_.failed = clock_.now();
      standing_.jitter = std::uniform_real_distribution<double>(0, 1)(random_);
    }
  }
  if (is_news(why))
    look_again(client_);
  else
    note(why);
}

void Lease::look_again(Client& client) {
  const auto now = internal::read_named_lease(client, options_.ns, options_.name);
  if (now)
    see(now->lease);
  else
    note(now.error());
}

bool Lease::try_to_acquire(std::unique_ptr<internal::LeaseWatch>& watch) {
  const TimePoint sent = clock_.now();
  const auto written = write(client_, options_.identity);
  if (!written) {
    put_off(written.error(), sent);
    return false;
  }
  watch.reset();  // before we believe what we wrote: it may still bring what was before
  return hold(*written, sent);
}

std::unique_ptr<internal::LeaseWatch> Lease::make_watch() {
  return std::make_unique<internal::LeaseWatch>(
      access_,
      internal::LeaseWatch::Options{options_.ns, options_.name, options_.timeout_ms, options_.election.retry},
      clock_,
      internal::LeaseWatch::Hearer{.seen = [this](const auto& lease) { see(lease); },
                                   .failed = [this](const ApiError& why) { note(why); }});
}

Status Lease::acquire() {
  if (renewer_.joinable()) return fail(Code::kConflict, "the lease {} was acquired before", options_.name);
  auto watch = make_watch();
  while (const auto decision = await_decision()) {
    if (!try_to_acquire(watch)) {
      if (watch == nullptr) watch = make_watch();
      continue;
    }
    metrics_.acquired.add();
    metrics_.leader.set(1);
    log::info("kube", "leading",
              {{"lease", options_.ns + "/" + options_.name},
               {"identity", options_.identity},
               {"since", decision->why}});
    guard_ = std::thread([this] { guard_deadline(); });
    renewer_ = std::thread([this] { renew_until_stopped(); });
    return ok();
  }
  return fail(Code::kUnavailable, "waiting for the lease {} was ended", options_.name);
}

void Lease::renew() {
  const TimePoint sent = clock_.now();
  const auto written = write(client_, options_.identity);
  if (written)
    hold(*written, sent);
  else
    put_off(written.error(), sent);
}

void Lease::renew_until_stopped() {
  while (const auto decision = await_decision()) {
    if (decision->next == Next::kLost) return lose(decision->why);
    renew();
  }
}

// A renewal may hang for longer than we may lead.
void Lease::guard_deadline() {
  {
    const runtime::MutexLock lock(mutex_);
    for (auto left = kNap; !stopping_ && !lost_; changed_.wait_for(mutex_, std::min(left, kNap))) {
      left = Duration(held_until_) - clock_.now().time_since_epoch();
      if (left <= Duration::zero()) break;
    }
    if (stopping_ || lost_) return;
  }
  lose("it could not be renewed in time");
}

void Lease::lose(const std::string& why) {
  std::string whole = why;
  {
    const runtime::MutexLock lock(mutex_);
    if (stopping_ || lost_) return;
    lost_ = true;
    held_until_ = kNever;
    if (!last_failure_.empty()) whole += ": " + last_failure_;
    changed_.notify_all();
  }
  client_.interrupt();
  metrics_.lost.add();
  metrics_.leader.set(0);
  log::error("kube", "leading no longer", {{"lease", options_.ns + "/" + options_.name}, {"why", whole}});
  if (on_lost_) on_lost_(whole);
}

void Lease::stop_threads() {
  {
    const runtime::MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (renewer_.joinable()) renewer_.join();
  if (guard_.joinable()) guard_.join();
}

Status Lease::release() {
  stop_threads();
  {
    const runtime::MutexLock lock(mutex_);
    if (lost_ || !standing_.renewed) return ok();
    standing_.renewed.reset();
    held_until_ = kNever;
  }
  metrics_.released.add();
  metrics_.leader.set(0);
  Client client(access_, {.timeout_ms = options_.timeout_ms});  // ours may have been interrupted
  auto written = write(client, "");
  if (!written && is_news(written.error())) {
    // Our last renewal was cut short, and came through.
    look_again(client);
    if (holder() != options_.identity) return ok();
    written = write(client, "");
  }
  if (!written) return fail(base::within("giving back the lease", written.error().error));
  return ok();
}

}  // namespace slipway::kube
