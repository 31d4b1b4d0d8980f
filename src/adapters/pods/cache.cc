#include "adapters/pods/internal/cache.h"

#include <algorithm>
#include <latch>

#include <nlohmann/json.hpp>

namespace slipway::pods {
namespace {

using domain::Action;
using domain::ActionKind;
using domain::Observation;
using domain::Reason;
using environment::Applied;
using environment::refuse;
using namespace std::chrono_literals;

constexpr Duration kMendAgain = 1s, kLongestMend = 60s;
constexpr size_t kMostMended = 64;  // in one look

std::string labelled(std::string_view label, std::string_view value) {
  return fmt::format("{}={}", label, value);
}

}  // namespace

Cache::Cache(Options options, const kube::Access& access, const runtime::Clock& clock,
             telemetry::Registry& metrics, std::function<void()> wake)
    : options_(std::move(options)),
      clock_(clock),
      api_metrics_(metrics),
      deployments_([this](const json::Document& live) { return see_deployment(live, options_); }),
      services_(see_service),
      budgets_(see_budget),
      pods_(see_pod),
      executor_({.name = "child", .threads = options_.writers, .queue = 1024}),
      writes_(metrics.counter("slipway_pods_writes", "Children that were written or removed.")),
      mended_(metrics.counter("slipway_pods_mended", "Revisions whose objects others had changed.")),
      refused_(metrics.counter("slipway_pods_refused", "Writes of children that were refused.")) {
  for (int i = 0; i < options_.writers; ++i)
    writers_.push_back(std::make_unique<Writer>(access, options_.may_write, api_metrics_));
  const std::string ours = labelled(kManagedBy, kOurs), all = labelled(kPartOf, kOurs);
  const auto query = [&](const kube::Resource& resource, const std::string& selector) {
    return kube::ReflectorQuery{
        .resource = resource, .ns = options_.ns, .label_selector = selector, .field_selector = {}};
  };
  deployments_.open(access, query(kDeployments, ours), clock, wake, api_metrics_);
  services_.open(access, query(kServices, ours), clock, wake, api_metrics_);
  budgets_.open(access, query(kBudgets, ours), clock, wake, api_metrics_);
  pods_.open(access, query(kPods, all), clock, wake, api_metrics_);
  metrics.read_from(
      telemetry::Registry::Kind::kCounter, "slipway_pods_lists",
      "Times that all objects of a kind were listed.", [this] {
        const int64_t lists = deployments_.lists() + services_.lists() + budgets_.lists() + pods_.lists();
        return std::vector<telemetry::Sample>{{.labels = {}, .value = static_cast<double>(lists)}};
      });
}

bool Cache::synced() const {
  return deployments_.synced() && services_.synced() && budgets_.synced() && pods_.synced();
}

Status Cache::check_seen() const {
  const auto check = [](const auto& shelf, const char* what) -> Status {
    if (shelf.lost()) return fail(Code::kUnavailable, "{} cannot be watched: {}", what, shelf.last_error());
    if (!shelf.synced()) return fail(Code::kUnavailable, "{} have not been listed yet", what);
    return ok();
  };
  if (Status seen = check(deployments_, "Deployments"); !seen) return seen;
  if (Status seen = check(services_, "Services"); !seen) return seen;
  if (Status seen = check(budgets_, "PodDisruptionBudgets"); !seen) return seen;
  return check(pods_, "pods");
}

Result<Observation> Cache::observe(const std::string& ns) {
  if (Status seen = check_seen(); !seen) return fail(seen.error());
  mend(ns);
  Observation out;
  deployments_.each(ns, [&](const std::string&, const SeenDeployment& seen) {
    if (seen.told && !seen.ends)
      out.revisions.push_back({.revision = seen.told->revision,
                               .replicas = seen.told->replicas,
                               .fault = seen.fault,
                               .owner = seen.told->owner});
  });
  ask(ns, out);
  return out;
}

// Says who serves, and asks those whose word matters now: gateways always, replicas where one revision takes
// another's place. At rest, the cluster's own word that a pod is ready is enough.
void Cache::ask(const std::string& ns, Observation& out) {
  std::map<std::string, int> revisions;  // by deployment
  for (const domain::RevisionTold& told : out.revisions) ++revisions[told.revision.deployment];
  std::vector<SeenPod> gateways, replicas;
  std::vector<std::string> listeners;
  const auto listener = [](const SeenPod& pod) {
    return http::Address{.kind = http::Address::Kind::kTcp, .host = pod.address, .port = kAdminPort}.str();
  };
  pods_.each(ns, [&](const std::string&, const SeenPod& pod) {
    if (pod.over) return;
    const bool is_gateway = pod.component == "gateway";
    if (!is_gateway && pod.revision.empty()) return;
    (is_gateway ? gateways : replicas).push_back(pod);
    const bool matters = is_gateway || revisions[pod.deployment] > 1;
    if (matters && !pod.address.empty()) listeners.push_back(listener(pod));
  });
  const auto answers = prober_.ask(listeners, options_.patience);
  for (const SeenPod& pod : gateways) {
    domain::GatewaySeen seen{.name = pod.name, .answers = false, .said = {}};
    const auto answer = answers.find(listener(pod));
    if (answer != answers.end() && answer->second.fresh)
      if (auto said = domain::parse_gateway_observed(answer->second.body)) {
        seen.answers = true;
        seen.said = std::move(*said);
      }
    // One that is not ready gets no requests, and one that ends need not answer any more.
    if (seen.answers || pod.ready) out.gateways.push_back(std::move(seen));
  }
  for (SeenPod& pod : replicas) {
    domain::ReplicaObserved seen{.name = pod.name,
                                 .address = pod.address,
                                 .revision = pod.revision,
                                 .deployment = pod.deployment,
                                 .state = pod.state,
                                 .failures = pod.failures,
                                 .fault = std::move(pod.fault),
                                 .load = {}};
    const auto answer = answers.find(listener(pod));
    if (answer != answers.end())
      if (auto said = domain::parse_observed(answer->second.body)) seen.load = std::move(*said);
    out.replicas.push_back(std::move(seen));
  }
}

bool Cache::is_whole(const std::string& name, const SeenDeployment& seen) const {
  if (!seen.told || seen.ends) return true;
  const std::string& ns = seen.told->ns;
  const auto service = services_.find(ns, name);
  const auto budget = budgets_.find(ns, name);
  const bool budget_fits = budget ? budget->as_told : seen.told->replicas < 2;
  return seen.as_told && service && service->as_told && budget_fits;
}

void Cache::mend(const std::string& ns) {
  const TimePoint now = clock_.now();
  std::vector<Wanted> broken;
  deployments_.each(ns, [&](const std::string& name, const SeenDeployment& seen) {
    if (broken.size() >= kMostMended) return;
    const auto known = mending_.find({ns, name});
    if (known != mending_.end() && now < known->second.again) return;
    if (!is_whole(name, seen))
      broken.push_back(*seen.told);
    else if (known != mending_.end())
      mending_.erase(known);
  });
  std::vector<Applied> done(broken.size());
  for_all(broken.size(), [&](Writer& writer, size_t i) { done[i] = ensure(writer, broken[i]); });
  for (size_t i = 0; i < broken.size(); ++i) {
    // Whoever else wants it otherwise is answered later each time: no war of writes.
    Mending& entry = mending_[{ns, broken[i].revision.name}];
    entry.again = now + std::min(kMendAgain * (1 << std::min(entry.times++, 6)), kLongestMend);
    mended_.add();
    runtime::log::warn("pods", "a revision's objects were not as they were told, and are so again",
                       {{"revision", broken[i].revision.name},
                        {"times", entry.times},
                        {"error", done[i] ? "" : done[i].error().message}});
  }
}

Applied Cache::put_child(Writer& writer, Shelf<SeenChild>& shelf, const kube::Resource& resource,
                         json::Document intent) {
  const json::Document& metadata = json::member(intent, "metadata");
  const auto known = shelf.find(json::text_of(metadata, "namespace"), json::text_of(metadata, "name"));
  if (known && known->as_told) return {};
  auto done = writer.put(resource, std::move(intent), known ? std::optional(known->identity) : std::nullopt);
  if (!done) return refuse(done.error());
  writes_.add();
  shelf.put(*done);
  return {};
}

Applied Cache::ensure(Writer& writer, const Wanted& wanted) {
  const auto known = deployments_.find(wanted.ns, wanted.revision.name);
  if (known && known->ends)
    return refuse({Reason::kEnvironmentUnavailable,
                   fmt::format("{}: the one of before has not gone yet", wanted.revision.name)});
  if (!known || known->told != wanted || !known->as_told) {
    const auto done = writer.put(kDeployments, deployment_of(wanted, options_),
                                 known ? std::optional(known->identity) : std::nullopt);
    if (!done) return refuse(done.error());
    writes_.add();
    deployments_.put(*done);
  }
  if (auto done = put_child(writer, services_, kServices, service_of(wanted)); !done) return done;
  if (wanted.replicas < 2) return {};
  return put_child(writer, budgets_, kBudgets, budget_of(wanted));
}

// The Deployment goes last: as long as it is there, what is left is known.
Applied Cache::remove(Writer& writer, const std::string& ns, const std::string& revision) {
  const auto drop = [&](auto& shelf, const kube::Resource& resource) -> Applied {
    if (!shelf.find(ns, revision)) return {};
    if (auto done = writer.remove(resource, ns, revision); !done) return done;
    writes_.add();
    shelf.removed(ns, revision);
    return {};
  };
  if (auto done = drop(budgets_, kBudgets); !done) return done;
  if (auto done = drop(services_, kServices); !done) return done;
  return drop(deployments_, kDeployments);
}

Applied Cache::apply(Writer& writer, const std::string& ns, const Action& action) {
  if (action.kind == ActionKind::kRemove) return remove(writer, ns, action.revision.name);
  return ensure(writer,
                {.revision = action.revision, .replicas = action.replicas, .ns = ns, .owner = action.owner});
}

std::vector<Applied> Cache::apply_all(const std::string& ns, std::span<const Action> actions) {
  std::vector<Applied> out(actions.size());
  for (const Action& action : actions) mending_.erase({ns, action.revision.name});
  for_all(actions.size(), [&](Writer& writer, size_t i) { out[i] = apply(writer, ns, actions[i]); });
  for (const Applied& each : out)
    if (!each) refused_.add();
  return out;
}

void Cache::for_all(size_t count, const std::function<void(Writer&, size_t)>& work) {
  if (count == 0) return;
  std::atomic<size_t> next{0};
  const size_t at_once = std::min(count, writers_.size());
  std::latch done(static_cast<std::ptrdiff_t>(at_once));
  for (size_t slot = 0; slot < at_once; ++slot) {
    const auto task = [&, slot] {
      for (size_t i = next++; i < count; i = next++) work(*writers_[slot], i);
      done.count_down();
    };
    if (!executor_.submit(task)) task();
  }
  done.wait();
}

}  // namespace slipway::pods
