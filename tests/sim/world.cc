#include "tests/sim/world.h"

#include <nlohmann/json.hpp>

#include "values/base/digest.h"
#include "values/domain/model_version.h"

namespace slipway::sim {
namespace {

using domain::Kind;
using domain::ModelDeploymentSpec;
using domain::Object;
using namespace std::chrono_literals;

constexpr Duration kTick = 500ms;
const domain::Cause kPeople{.actor = {"people"}, .reason = "Sim", .request_id = {}};

std::unique_ptr<local::Local> make_disk(const Timeline& time, uint64_t& uids) {
  return std::move(*local::Local::open(
      {.path = "", .history = 1 << 16, .make_uid = [&uids] { return fmt::format("uid-{}", ++uids); }}, time));
}

Object deployment_object(const std::string& name, const ModelDeploymentSpec& spec) {
  return {.key = {Kind::kModelDeployment, "default", name},
          .meta = {},
          .content = json::canonical(domain::to_content(spec))};
}

}  // namespace

std::string digest_of(const std::string& model, int64_t version) {
  return base::sha256(fmt::format("{} {}", model, version)).str();
}

World::World(const Options& options)
    : random(options.seed),
      trace(time, options.keep),
      disk_(make_disk(time, uids_)),
      options_(options),
      place({.memory_bytes = options.memory_bytes}, time),
      control({time, *disk_, place, trace}, random.next()),
      laws({time, *disk_, place, control, gateways, trace}),
      traffic({time, place, gateways, laws, trace}, random.next()) {
  place.script = [this](const domain::RevisionSpec& revision) { return scripts_[revision.digest]; };
  place.on_fault = [this](const environment::FakeProcess& process) { laws.replica_struck(process); };
  control.applied = [this](const domain::Action& action) { laws.applied(action); };
  control.stepped = [this] { laws.stepped(); };
  control.began = [this] { laws.control_began(); };
  for (int i = 0; i < options.gateways; ++i) {
    gateways.push_back(std::make_unique<Gateway>(Gateway::Parts{time, *disk_, place, control, trace},
                                                 fmt::format("gateway-{}", i), random.next()));
    gateways.back()->row_changed = [this](const route::Row& row) { laws.row_changed(row); };
    gateways.back()->start();
  }
  control.start();
  tick();
}

void World::tick() {
  laws.tick();
  time.after(kTick, [this] { tick(); });
}

void World::add_version(const std::string& model, int64_t version, const Script& script) {
  const std::string digest = digest_of(model, version);
  scripts_[digest] = script;
  const domain::ModelVersion content{
      .model = model, .version = version, .artifact = model + "@" + digest, .digest = digest};
  static_cast<void>(disk_->create({.key = {Kind::kModelVersion, "default", content.name()},
                                   .meta = {},
                                   .content = json::canonical(domain::to_content(content))},
                                  kPeople));
}

const Script* World::script_of(const std::string& model, int64_t version) const {
  const auto at = scripts_.find(digest_of(model, version));
  return at == scripts_.end() ? nullptr : &at->second;
}

bool World::deploy(const std::string& name, const ModelDeploymentSpec& spec) {
  if (!control.up()) return false;
  if (!disk_->create(deployment_object(name, spec), kPeople)) return false;
  laws.take_in();
  traffic.call(name, options_.call_every);
  return true;
}

bool World::edit(const std::string& name, const std::function<void(ModelDeploymentSpec&)>& change) {
  if (!control.up()) return false;
  const auto object = disk_->get({Kind::kModelDeployment, "default", name});
  if (!object) return false;
  ModelDeploymentSpec spec = domain::parse_model_deployment(**object)->spec;
  change(spec);
  const bool done = disk_->update(deployment_object(name, spec), {}, kPeople).has_value();
  laws.take_in();
  return done;
}

bool World::remove(const std::string& name) {
  if (!control.up()) return false;
  if (!disk_->remove({Kind::kModelDeployment, "default", name}, {}, kPeople)) return false;
  traffic.stop(name);
  laws.take_in();
  return true;
}

bool World::lose_status(const std::string& name) {
  if (!control.up()) return false;
  const bool done =
      disk_->update_status({Kind::kModelDeployment, "default", name}, "", {}, kPeople).has_value();
  laws.take_in();
  return done;
}

void World::run_for(Duration duration) {
  const TimePoint end = time.now() + duration;
  while (time.now() < end && broken().empty()) time.run_until(std::min(end, time.now() + 100ms));
}

std::string World::settle(Duration within) {
  const TimePoint end = time.now() + within;
  std::string why = laws.unsettled();
  while (!why.empty() && time.now() < end && broken().empty()) {
    run_for(200ms);
    why = laws.unsettled();
  }
  return why;
}

std::string World::rest(Duration duration) {
  const int64_t effects = control.effects();
  const auto before = laws.counts();
  run_for(duration);
  const auto after = laws.counts();
  if (control.effects() == effects) return {};
  return fmt::format("{} statuses were written, {} actions and {} effects done while nothing happened",
                     after.status_writes - before.status_writes, after.actions - before.actions,
                     control.effects() - effects);
}

// As when the power goes: what is on disk stays.
void World::restart_machine(Duration down) {
  trace.happened("the machine restarts");
  control.crash();
  for (const auto& gateway : gateways) {
    gateway->die();
    gateway->start_after(down);
  }
  place.restart_machine();
  control.start_after(down);
  laws.everything_struck();
}

}  // namespace slipway::sim
