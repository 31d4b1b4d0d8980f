#include "services/gateway/internal/loop_state.h"

#include <charconv>

#include "services/gateway/internal/forward.h"
#include "services/gateway/internal/traffic.h"

namespace slipway::gateway {
namespace {

constexpr size_t kNamesTold = 20;

template <class Names>
std::string list_of(const Names& names) {
  std::string out;
  size_t told = 0;
  for (const auto& name : names) {
    if (told++ == kNamesTold) return out + fmt::format(" and {} more", names.size() - kNamesTold);
    out += fmt::format("{}{}", out.empty() ? "" : ", ", name);
  }
  return out.empty() ? "none" : out;
}

Refusal no_such_deployment(std::string_view wanted, const Snapshot& snapshot) {
  if (!snapshot.known)
    return {503, "NotKnownYet",
            fmt::format("what is deployed is not known here yet, nor whether {} is; try again soon", wanted)};
  std::vector<std::string_view> names;
  for (const auto& [name, entry] : snapshot.entries) names.push_back(name);
  return {404, "NotFound", fmt::format("there is no deployment {}; there is {}", wanted, list_of(names))};
}

Refusal no_such_revision(const Wanted& wanted, const route::Row& row) {
  std::vector<std::string> names;
  for (const route::Revision& each : row.revisions)
    names.push_back(wanted.revision.empty() ? std::to_string(each.version) : each.name);
  if (wanted.revision.empty())
    return {
        404, "NotFound",
        fmt::format("{} serves no version {}; it serves {}", row.deployment, wanted.version, list_of(names))};
  return {404, "NotFound",
          fmt::format("{} has no revision {}; it has {}", row.deployment, wanted.revision, list_of(names))};
}

Refusal nobody_ready(const route::Row& row) {
  return {503, std::string(domain::name(row.refusal.reason)),
          fmt::format("{} cannot answer now: {}; `slipway why {}` tells more", row.deployment,
                      row.refusal.message, row.deployment)};
}

}  // namespace

LoopState::LoopState(Traffic& traffic, runtime::EventLoop& loop)
    : traffic_(traffic), loop_(loop), upstreams_(loop), random_(std::random_device{}()) {}
LoopState::~LoopState() = default;

void LoopState::refresh() {
  const uint64_t number = traffic_.published().number();
  if (number == number_) return;
  number_ = number;
  snapshot_ = traffic_.published().get();
  std::erase_if(rows_, [&](const auto& each) { return !snapshot_->entries.contains(each.first); });
  for (const auto& [name, entry] : snapshot_->entries) {
    LoopRow& row = rows_[name];
    row.entry = &entry;
    if (row.row != entry.row) rebuild(row, entry);
  }
  forget_targets();
}

void LoopState::rebuild(LoopRow& row, const Entry& entry) {
  row.row = entry.row;
  row.revisions.clear();
  std::vector<double> shares;
  size_t at = 0;
  for (const route::Revision& revision : entry.row->revisions) {
    shares.push_back(revision.share);
    RevisionTargets& targets = row.revisions.emplace_back();
    for (size_t i = 0; i < revision.endpoints.size(); ++i) {
      targets.targets.push_back(target(entry.addresses[at++]));
      targets.loads.push_back(&targets.targets.back()->load);
    }
  }
  row.turns.set(shares);
}

std::shared_ptr<Target> LoopState::target(const std::string& address) {
  std::shared_ptr<Target>& out = targets_[address];
  if (!out) {
    out = std::make_shared<Target>();
    if (auto parsed = http::parse_address(address)) out->address = std::move(*parsed);
  }
  return out;
}

// A replica that has gone leaves no connection behind: its address may be another's later.
void LoopState::forget_targets() {
  std::erase_if(targets_, [&](const auto& each) {
    if (each.second.use_count() > 1) return false;
    upstreams_.forget(each.second->address);
    return true;
  });
}

const Entry* LoopState::find(std::string_view deployment) const {
  const auto at = rows_.find(deployment);
  return at == rows_.end() ? nullptr : at->second.entry;
}

std::optional<size_t> LoopState::revision_for(LoopRow& row, const Wanted& wanted, Refusal& refusal) {
  const route::Revision* addressed = nullptr;
  if (!wanted.revision.empty()) {
    addressed = row.row->find(wanted.revision);
  } else if (!wanted.version.empty()) {
    int64_t version = 0;
    const auto [end, error] =
        std::from_chars(wanted.version.data(), wanted.version.data() + wanted.version.size(), version);
    if (error == std::errc{} && end == wanted.version.data() + wanted.version.size())
      addressed = row.row->find_version(version);
  } else {
    const size_t turn = row.turns.next();
    if (turn != balance::Turns::kNobody) return turn;
    refusal = nobody_ready(*row.row);
    return std::nullopt;
  }
  if (addressed) return static_cast<size_t>(addressed - row.row->revisions.data());
  refusal = no_such_revision(wanted, *row.row);
  return std::nullopt;
}

std::shared_ptr<Target> LoopState::replica_of(const LoopRow& row, size_t revision, const Target* tried,
                                              TimePoint now) {
  const RevisionTargets& of = row.revisions[revision];
  size_t exclude = balance::kNone;
  for (size_t i = 0; i < of.targets.size(); ++i)
    if (of.targets[i].get() == tried) exclude = i;
  const size_t picked = balance::pick(of.loads, exclude, random_(), now);
  return picked == balance::kNone ? nullptr : of.targets[picked];
}

// Of this revision, or else of another that has a share; `revision` then says which. Another try goes to
// whoever is not suspected, of whatever revision: one whose replicas have all gone would take every try.
std::shared_ptr<Target> LoopState::replica_of_any(const LoopRow& row, size_t& revision, const Target* tried,
                                                  TimePoint now) {
  auto target = replica_of(row, revision, tried, now);
  if (target && (!tried || target->load.out_until <= now)) return target;
  for (size_t i = 0; i < row.revisions.size(); ++i) {
    if (row.row->revisions[i].share <= 0) continue;
    auto other = replica_of(row, i, tried, now);
    if (!other || (target && !balance::is_sooner(other->load, target->load, now))) continue;
    target = std::move(other);
    revision = i;
  }
  return target;
}

std::optional<Choice> LoopState::choose(const Wanted& wanted, const Target* tried, TimePoint now,
                                        Refusal& refusal) {
  const auto at = rows_.find(wanted.deployment);
  if (at == rows_.end()) {
    refusal = no_such_deployment(wanted.deployment, *snapshot_);
    return std::nullopt;
  }
  LoopRow& row = at->second;
  auto revision = revision_for(row, wanted, refusal);
  if (!revision) return std::nullopt;
  const bool open = wanted.revision.empty() && wanted.version.empty();
  auto target = open ? replica_of_any(row, *revision, tried, now) : replica_of(row, *revision, tried, now);
  if (!target) {
    refusal = nobody_ready(*row.row);
    return std::nullopt;
  }
  return Choice{.target = std::move(target),
                .stats = row.entry->revisions[*revision],
                .deployment = row.entry->stats,
                .row = row.row.get()};
}

// Found once a loop: a refusal must be cheap when there are many.
telemetry::Counter& LoopState::refused(const std::string& reason) {
  telemetry::Counter*& counter = refused_[reason];
  if (!counter) counter = &traffic_.refused(reason);
  return *counter;
}

std::unique_ptr<Forward> LoopState::take_forward() {
  if (spare_.empty()) return std::make_unique<Forward>(*this);
  auto out = std::move(spare_.back());
  spare_.pop_back();
  return out;
}

void LoopState::give_forward(std::unique_ptr<Forward> forward) { spare_.push_back(std::move(forward)); }

}  // namespace slipway::gateway
