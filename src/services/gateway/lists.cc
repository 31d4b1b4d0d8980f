#include "services/gateway/internal/lists.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "system/http/address.h"
#include "system/os/descriptor.h"
#include "system/os/files.h"
#include "system/os/replace_file.h"
#include "system/runtime/log.h"

namespace slipway::gateway {
namespace {

using namespace std::chrono_literals;
using domain::EndpointSlice;

constexpr Duration kLookAgain = 1s;
// While nothing is known, since control starts at the same time; and where a list is to be had at once.
constexpr Duration kFirstLooks = 50ms;
constexpr uint64_t kFileBytes = 256 << 20;
constexpr int kConnectMs = 200;

bool connects(const std::string& address) {
  const auto parsed = http::parse_address(address);
  const auto socket = parsed ? http::connect_to(*parsed, kConnectMs) : Result<int>(fail(parsed.error()));
  if (!socket) return false;
  ::close(*socket);
  return true;
}

}  // namespace

Lists::Lists(ListsOptions options, store::Store& store, telemetry::Registry& registry,
             std::function<void()> wake)
    : options_(std::move(options)),
      registry_(registry),
      deployments_{.mirror = {store, store::Kind::kModelDeployment, options_.space, wake},
                   .file = options_.folder + "/deployments.json",
                   .from_disk = {}},
      slices_{.mirror = {store, store::Kind::kEndpointSlice, options_.space, wake},
              .file = options_.folder + "/endpoints.json",
              .from_disk = {}},
      deployments_known_(registry.gauge("slipway_gateway_deployments", "Deployments that are known.")),
      synced_(registry.gauge("slipway_gateway_synced",
                             "1 when both lists are the API's, 0 when they are the last known.")),
      watch_failures_(
          registry.counter("slipway_gateway_watch_failures", "Times that a list could not be watched.")) {}

Lists::~Lists() = default;

TimePoint Lists::step(TimePoint now) {
  if (now < look_at_) return look_at_;
  std::set<std::string> deployments, slices;
  behind_ = false;
  const bool deployments_watched = pull(deployments_, deployments), slices_watched = pull(slices_, slices);
  watched_ = deployments_watched && slices_watched;
  if (!live_ && synced()) {
    live_ = true;
    go_live(deployments_, deployments);
    go_live(slices_, slices);
  }
  const bool changed = !deployments.empty() || !slices.empty();
  const bool known = known_ || synced();
  if (changed || first_ || known != known_) {
    known_ = known;
    first_ = false;
    take_in_deployments(deployments);
    if (take_in_slices(slices)) {
      for (const auto& [name, deployment] : parsed_) deployments.insert(name);
    }
    rebuild(deployments);
    publish();
    probe_at_ = now;
  }
  synced_.set(synced() && !deployments_.mirror.lost() && !slices_.mirror.lost() ? 1 : 0);
  const Duration again = known_ && !behind_ ? kLookAgain : kFirstLooks;
  if (now >= probe_at_) probe_at_ = probe_all() ? TimePoint::max() : now + options_.probe_every;
  const TimePoint next = std::min(now + again, probe_at_);
  keep_files(now);
  look_at_ = now + (watched_ ? options_.coalesce : again);
  return std::max(next, look_at_);
}

void Lists::reopen() {
  deployments_.mirror.reopen();
  slices_.mirror.reopen();
  look_at_ = {};
}

bool Lists::pull(Source& source, std::set<std::string>& changed) {
  const auto changes = source.mirror.pull();
  if (!changes) {
    watch_failures_.add();
    behind_ = behind_ || changes.error().code == Code::kNotFound;
    return false;
  }
  changed.insert(changes->changed.begin(), changes->changed.end());
  changed.insert(changes->gone.begin(), changes->gone.end());
  if (!live_) changed.clear();
  source.to_be_kept = source.to_be_kept || !changed.empty();
  return true;
}

// Both whole lists replace those from disk at once, what is in neither and what is in both: new weights with
// old endpoints would send to nobody.
void Lists::go_live(Source& source, std::set<std::string>& changed) {
  for (const auto& [name, object] : source.from_disk) changed.insert(name);
  for (const auto& [name, object] : source.mirror.objects()) changed.insert(name);
  source.from_disk.clear();
  source.to_be_kept = true;
}

void Lists::take_in_deployments(const std::set<std::string>& names) {
  for (const std::string& name : names) {
    const auto at = objects(deployments_).find(name);
    if (at == objects(deployments_).end()) {
      parsed_.erase(name);
      continue;
    }
    // What cannot be read is a later version's: better what it was than nothing.
    if (auto deployment = domain::parse_model_deployment(*at->second))
      parsed_[name] = std::move(*deployment);
    else
      runtime::log::warn("gateway", "a deployment cannot be read and stays as it was",
                         {{"deployment", name}, {"error", deployment.error().message}});
  }
}

// Whether any endpoint changed.
bool Lists::take_in_slices(const std::set<std::string>& names) {
  for (const std::string& name : names) {
    if (const auto known = revision_of_.find(name); known != revision_of_.end()) {
      const auto [begin, end] = by_revision_.equal_range(known->second);
      const auto old = std::find_if(begin, end, [&](const auto& each) { return each.second.name == name; });
      if (old != end) by_revision_.erase(old);
      revision_of_.erase(known);
    }
    const auto at = objects(slices_).find(name);
    if (at == objects(slices_).end()) continue;
    auto slice = domain::parse_endpoint_slice(*at->second);
    if (!slice) continue;  // another program's, with nothing for us
    revision_of_[name] = slice->revision;
    by_revision_.emplace(slice->revision, std::move(*slice));
  }
  return !names.empty();
}

void Lists::rebuild(const std::set<std::string>& deployments) {
  for (const std::string& name : deployments) {
    const auto deployment = parsed_.find(name);
    if (deployment == parsed_.end()) {
      entries_.erase(name);
      continue;
    }
    const auto known = entries_.find(name);
    const route::Row* before = known == entries_.end() ? nullptr : known->second.row.get();
    auto row = route::make_row(deployment->second, by_revision_, before);
    if (before && *before == row) continue;
    Entry entry;
    if (known != entries_.end()) entry.stats = known->second.stats;
    if (!entry.stats) entry.stats = std::make_shared<DeploymentStats>();
    for (const route::Revision& revision : row.revisions) {
      auto& stats = stats_[revision.name];
      if (!stats) stats = std::make_shared<RevisionStats>(registry_, name, revision.name);
      entry.revisions.push_back(stats);
      const auto slice = by_revision_.find(revision.name);
      const int port = slice == by_revision_.end() ? 0 : slice->second.port;
      for (const domain::Endpoint& endpoint : revision.endpoints)
        entry.addresses.push_back(resolve(endpoint, port));
    }
    entry.row = std::make_shared<route::Row>(std::move(row));
    entries_[name] = std::move(entry);
  }
}

// "<id>.sock" is a file below the folder and nowhere else; anything else is a host's number.
std::string Lists::resolve(const domain::Endpoint& endpoint, int port) const {
  const std::string& address = endpoint.address;
  if (!address.ends_with(".sock"))
    return http::Address{.kind = http::Address::Kind::kTcp, .host = address, .port = port}.str();
  if (address.find('/') != std::string::npos) return "unix:/nowhere";
  return fmt::format("unix:{}/{}", options_.sockets, address);
}

void Lists::publish() {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->entries = entries_;
  snapshot->known = known_;
  std::set<std::string_view> used;
  for (const auto& [name, entry] : entries_)
    for (const route::Revision& revision : entry.row->revisions) used.insert(revision.name);
  // What is still being answered keeps its counts until it is.
  std::erase_if(stats_, [&](const auto& each) {
    return !used.contains(each.first) && each.second->in_flight.load(std::memory_order_relaxed) == 0;
  });
  deployments_known_.set(static_cast<double>(entries_.size()));
  published_.publish(std::move(snapshot));
}

// True: every endpoint has connected once. One that comes and goes is told by its slice.
bool Lists::probe_all() {
  std::set<std::string> seen;
  std::map<std::string, int> counts;
  bool all = true;
  for (const auto& [name, entry] : entries_) {
    size_t at = 0;
    for (const route::Revision& revision : entry.row->revisions)
      for (size_t i = 0; i < revision.endpoints.size(); ++i) {
        const std::string& address = entry.addresses[at++];
        const bool up = connected_.contains(address) || connects(address);
        if (up) seen.insert(address);
        counts[revision.name] += up;
        all = all && up;
      }
  }
  connected_ = std::move(seen);
  const runtime::MutexLock lock(mutex_);
  connected_of_ = std::move(counts);
  return all;
}

domain::GatewayObserved Lists::observed(TimePoint now) const {
  domain::GatewayObserved out;
  const SnapshotPtr snapshot = published_.get();
  const runtime::MutexLock lock(mutex_);
  for (const auto& [name, entry] : snapshot->entries)
    for (size_t i = 0; i < entry.row->revisions.size(); ++i) {
      const route::Revision& revision = entry.row->revisions[i];
      const RevisionStats& stats = *entry.revisions[i];
      const int64_t last = stats.last_ns.load(std::memory_order_relaxed);
      const int64_t in_flight = stats.in_flight.load(std::memory_order_relaxed);
      const Duration idle = in_flight > 0 ? Duration{0} : now.time_since_epoch() - Duration{last};
      const auto connected = connected_of_.find(revision.name);
      out.rows.push_back({.deployment = name,
                          .revision = revision.name,
                          .weight = revision.weight,
                          .endpoints = connected == connected_of_.end() ? 0 : connected->second,
                          .in_flight = in_flight,
                          .idle_seconds = std::chrono::duration<double>(idle).count()});
    }
  return out;
}

void Lists::keep_files(TimePoint now) {
  if (now - kept_at_ < options_.keep_every) return;
  if (deployments_.to_be_kept || slices_.to_be_kept) kept_at_ = now;
  keep_files();
}

void Lists::keep_files() {
  if (options_.folder.empty()) return;
  for (Source* source : {&deployments_, &slices_}) {
    if (!std::exchange(source->to_be_kept, false)) continue;
    std::string text = "[";
    for (const auto& [name, object] : source->mirror.objects()) {
      if (text.size() > 1) text += ',';
      domain::append_json(*object, text);
    }
    text += ']';
    if (Status kept = os::replace_file(source->file, text, 0600); !kept) {
      source->to_be_kept = true;
      runtime::log::warn("gateway", "the last known list cannot be kept", {{"error", kept.error().message}});
    }
  }
}

void Lists::load() {
  if (options_.folder.empty()) return;
  const bool both =
      load(deployments_, domain::Kind::kModelDeployment) && load(slices_, domain::Kind::kEndpointSlice);
  std::set<std::string> deployments, slices;
  for (const auto& [name, object] : deployments_.from_disk) deployments.insert(name);
  for (const auto& [name, object] : slices_.from_disk) slices.insert(name);
  take_in_deployments(deployments);
  take_in_slices(slices);
  rebuild(deployments);
  publish();
  known_ = both;
}

// A file that cannot be read is worth as much as none.
bool Lists::load(Source& source, domain::Kind kind) {
  const auto text = os::read_file(source.file, kFileBytes);
  if (!text) return false;
  const auto array = json::parse_document(*text, {.bytes = kFileBytes, .depth = 64, .nodes = 20'000'000});
  if (!array || !array->is_array()) {
    runtime::log::warn("gateway", "the last known list is damaged and is passed over",
                       {{"file", source.file}});
    return false;
  }
  for (const json::Document& item : *array) {
    auto object = domain::to_object(kind, item);
    if (!object || object->key.name.empty()) continue;
    auto kept = std::make_shared<const domain::Object>(std::move(*object));
    source.from_disk[kept->key.name] = kept;
  }
  return true;
}

}  // namespace slipway::gateway
