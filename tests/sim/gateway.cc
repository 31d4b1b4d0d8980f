#include "tests/sim/gateway.h"

#include "values/domain/endpoint_slice.h"

namespace slipway::sim {
namespace {

using domain::Kind;
using namespace std::chrono_literals;

constexpr Duration kCoalesce = 5ms, kFirstLooks = 50ms, kLookAgain = 1s, kKeepEvery = 1s;

}  // namespace

Gateway::Life::Life(Gateway& gateway, store::Store& store)
    : deployments(store, Kind::kModelDeployment, "default",
                  [&gateway] { gateway.step_at(gateway.parts_.time.now() + 200us); }),
      slices(store, Kind::kEndpointSlice, "default",
             [&gateway] { gateway.step_at(gateway.parts_.time.now() + 200us); }) {}

Gateway::Gateway(Parts parts, std::string name, uint64_t seed)
    : parts_(parts), name_(std::move(name)), random_(seed) {}

void Gateway::start() {
  if (up()) return;
  ++starts_;
  parts_.trace.happened("{} starts", name_);
  parts_.place.gateways[name_] = [this] { return observed(); };
  store_faults.seed = random_.next();
  // Endpoints are in control's memory: before it has looked there is nothing to tell, and that is said.
  const auto reach = [this](Kind kind) -> Status {
    if (is_cut() || !parts_.control.up()) return fail(Code::kUnavailable, "the API does not answer");
    if (kind == Kind::kEndpointSlice && !parts_.control.observed())
      return fail(Code::kUnavailable, "control has not looked yet");
    return ok();
  };
  store_ = std::make_unique<store::FaultyStore>(
      parts_.disk, parts_.time, store_faults,
      store::FaultyStore::Hooks{
          .fate = {}, .reach = reach, .later = [this](TimePoint when, std::function<void()> call) {
            parts_.time.at(when, [this, life = starts_, call = std::move(call)] {
              if (up() && life == starts_) call();
            });
          }});
  life_ = std::make_unique<Life>(*this, *store_);
  look_at_ = {};
  step_at_ = TimePoint::max();
  to_be_kept_ = false;
  std::set<std::string> names;
  for (const auto& [name, object] : kept_deployments_) names.insert(name);
  take_in_deployments(names);
  take_in_slices();
  for (const std::string& name : names) rebuild(name);
  step_at(parts_.time.now());
}

void Gateway::die() {
  if (!up()) return;
  parts_.trace.happened("{} dies", name_);
  life_.reset();
  store_.reset();
  hears_ = false;
  note_contact();
  step_at_ = TimePoint::max();
  ++scheduled_;
}

void Gateway::start_after(Duration wait) {
  parts_.time.after(wait, [this] { start(); });
}

void Gateway::mute(Duration time) {
  parts_.trace.happened("{} answers no question for {} ms", name_, time / 1ms);
  muted_until_ = parts_.time.now() + time;
  note_contact();
}

void Gateway::cut(Duration time) {
  parts_.trace.happened("{} does not reach the API for {} ms", name_, time / 1ms);
  cut_until_ = parts_.time.now() + time;
  if (store_) store_->break_watches();
  hears_ = false;
  note_contact();
}

void Gateway::mend() {
  muted_until_ = cut_until_ = {};
  if (!up()) return start();
  store_->options() = {};
  store_->break_watches();
}

void Gateway::note_contact() {
  const bool alone = !up() || is_muted() || is_cut() || !synced() || !hears_;
  const TimePoint now = parts_.time.now();
  if (alone) {
    contact_since_.reset();
    if (!alone_since_) alone_since_ = now;
    return;
  }
  if (!contact_since_) contact_since_ = now;
  // What it missed meanwhile may still be on its way.
  if (contact_for(store_faults.latest + kLookAgain)) alone_since_.reset();
}

bool Gateway::synced() const { return up() && life_->live; }

void Gateway::step_at(TimePoint when) {
  when = std::max({when, look_at_, parts_.time.now()});
  if (!up() || step_at_ <= when) return;
  step_at_ = when;
  parts_.time.at(when, [this, number = ++scheduled_] {
    if (number == scheduled_ && up()) step();
  });
}

void Gateway::step() {
  step_at_ = TimePoint::max();
  const TimePoint now = parts_.time.now();
  // A control that began anew has other connections.
  if (reached_life_ != static_cast<uint64_t>(parts_.control.starts())) {
    reached_life_ = static_cast<uint64_t>(parts_.control.starts());
    store_->break_watches();
  }
  const bool watched = hears_ = pull();
  if (to_be_kept_ && now - kept_at_ >= kKeepEvery) keep();
  const Duration again = life_->live ? kLookAgain : kFirstLooks;
  look_at_ = now + (watched ? kCoalesce : again);
  step_at(now + again);
}

bool Gateway::pull() {
  Life& life = *life_;
  auto deployments = life.deployments.pull();
  auto slices = life.slices.pull();
  std::set<std::string> names;
  bool all = false;
  if (deployments) names = deployments->changed;
  if (deployments) names.insert(deployments->gone.begin(), deployments->gone.end());
  if (slices) all = !slices->changed.empty() || !slices->gone.empty();
  if (!life.live && life.deployments.synced() && life.slices.synced()) {
    life.live = all = true;
    for (const auto& [name, object] : kept_deployments_) names.insert(name);
    for (const auto& [name, object] : life.deployments.objects()) names.insert(name);
  }
  if (!life.live) return deployments && slices;
  take_in_deployments(names);
  if (all) {
    take_in_slices();
    for (const auto& [name, deployment] : life.parsed) names.insert(name);
  }
  for (const std::string& name : names) rebuild(name);
  to_be_kept_ = to_be_kept_ || !names.empty();
  return deployments && slices;
}

void Gateway::take_in_deployments(const std::set<std::string>& names) {
  for (const std::string& name : names) {
    const auto at = deployments().find(name);
    if (at == deployments().end()) {
      life_->parsed.erase(name);
      continue;
    }
    if (auto deployment = domain::parse_model_deployment(*at->second))
      life_->parsed[name] = std::move(*deployment);
  }
}

void Gateway::take_in_slices() {
  life_->by_revision.clear();
  for (const auto& [name, object] : slices())
    if (auto slice = domain::parse_endpoint_slice(*object)) {
      std::string revision = slice->revision;
      life_->by_revision.emplace(std::move(revision), std::move(*slice));
    }
}

void Gateway::rebuild(const std::string& name) {
  Life& life = *life_;
  const auto deployment = life.parsed.find(name);
  if (deployment == life.parsed.end()) {
    life.rows.erase(name);
    return;
  }
  const auto known = life.rows.find(name);
  auto row = route::make_row(deployment->second, life.by_revision,
                             known == life.rows.end() ? nullptr : &known->second.row);
  if (known != life.rows.end() && known->second.row == row) return;
  Row& out = life.rows[name];
  out.row = std::move(row);
  out.targets.clear();
  std::vector<double> shares;
  for (const route::Revision& revision : out.row.revisions) {
    shares.push_back(revision.share);
    auto& targets = out.targets.emplace_back();
    for (const domain::Endpoint& endpoint : revision.endpoints) {
      TargetPtr& target = life.targets[endpoint.address];
      if (!target) target = std::make_shared<Target>(Target{endpoint.address, revision.name, {}});
      targets.push_back(target);
    }
  }
  out.turns.set(shares);
  if (row_changed) row_changed(out.row);
}

void Gateway::keep() {
  to_be_kept_ = false;
  kept_at_ = parts_.time.now();
  kept_deployments_ = life_->deployments.objects();
  kept_slices_ = life_->slices.objects();
}

const route::Row* Gateway::row(const std::string& deployment) const {
  const auto at = life_->rows.find(deployment);
  return at == life_->rows.end() ? nullptr : &at->second.row;
}

TargetPtr Gateway::choose(const std::string& deployment, const Target* tried) {
  const auto at = life_->rows.find(deployment);
  if (at == life_->rows.end()) return nullptr;
  Row& row = at->second;
  const TimePoint now = parts_.time.now();
  const size_t turn = row.turns.next();
  if (turn == balance::Turns::kNobody) return nullptr;
  TargetPtr target = pick(row, turn, tried);
  if (target && (!tried || target->load.out_until <= now)) return target;
  for (size_t i = 0; i < row.targets.size(); ++i) {
    if (row.row.revisions[i].share <= 0) continue;
    TargetPtr other = pick(row, i, tried);
    if (other && (!target || balance::is_sooner(other->load, target->load, now))) target = std::move(other);
  }
  return target;
}

TargetPtr Gateway::pick(const Row& row, size_t revision, const Target* tried) {
  const std::vector<TargetPtr>& targets = row.targets[revision];
  std::array<const balance::Replica*, 16> loads{};
  const size_t number = std::min(targets.size(), loads.size());
  size_t exclude = balance::kNone;
  for (size_t i = 0; i < number; ++i) {
    loads[i] = &targets[i]->load;
    if (targets[i].get() == tried) exclude = i;
  }
  const size_t picked =
      balance::pick(std::span(loads.data(), number), exclude, random_.next(), parts_.time.now());
  return picked == balance::kNone ? nullptr : targets[picked];
}

void Gateway::begin(const TargetPtr& target) {
  balance::begin(target->load);
  Use& use = life_->uses[target->revision];
  ++use.in_flight;
  use.last = parts_.time.now();
}

void Gateway::end(const TargetPtr& target, uint64_t life) {
  if (up() && life == starts_) --life_->uses[target->revision].in_flight;
}

std::optional<domain::GatewayObserved> Gateway::observed() {
  if (!up() || is_muted()) return std::nullopt;
  domain::GatewayObserved out;
  std::set<std::string> connected;
  for (const auto& [name, row] : life_->rows)
    for (const route::Revision& revision : row.row.revisions) {
      domain::GatewayRow said{.deployment = name, .revision = revision.name, .weight = revision.weight};
      for (const domain::Endpoint& endpoint : revision.endpoints)
        if (life_->connected.contains(endpoint.address) || parts_.place.listens(endpoint.address)) {
          connected.insert(endpoint.address);
          ++said.endpoints;
        }
      const auto use = life_->uses.find(revision.name);
      if (use != life_->uses.end()) {
        said.in_flight = use->second.in_flight;
        if (said.in_flight == 0)
          said.idle_seconds = std::chrono::duration<double>(parts_.time.now() - use->second.last).count();
      }
      out.rows.push_back(std::move(said));
    }
  life_->connected = std::move(connected);
  return out;
}

bool Gateway::knows(const std::string& deployment, uint64_t resource_version) const {
  const auto at = deployments().find(deployment);
  return at != deployments().end() && at->second->meta.resource_version == resource_version;
}

bool Gateway::knows_slices(const std::vector<store::ObjectPtr>& wanted) const {
  if (wanted.size() != slices().size()) return false;
  return std::all_of(wanted.begin(), wanted.end(), [&](const store::ObjectPtr& each) {
    const auto at = slices().find(each->key.name);
    return at != slices().end() && at->second->content == each->content;
  });
}

}  // namespace slipway::sim
