#include "decide/why/internal/evidence.h"

#include <algorithm>
#include <ranges>
#include <tuple>

namespace slipway::why {
namespace {

using domain::ModelVersion;
using domain::TensorFacts;

constexpr size_t kEventsShown = 3;
constexpr size_t kVersionsShown = 5;

// The latest first; whatever the order was, the same result.
void sort(std::vector<const Event*>& events) {
  std::ranges::sort(events, [](const Event* a, const Event* b) {
    return std::tie(b->last, b->version, a->reason, a->message, a->object) <
           std::tie(a->last, a->version, b->reason, b->message, b->object);
  });
}

std::string memory_text(int64_t bytes) {
  return bytes == 0 ? "no limit" : fmt::format("{} MiB", bytes >> 20);
}

const ModelVersion* version_of(const View& view, const std::string& model, int64_t number) {
  const auto at = std::ranges::find_if(
      view.versions, [&](const ModelVersion& each) { return each.model == model && each.version == number; });
  return at == view.versions.end() ? nullptr : &*at;
}

// The words that kubelets, schedulers and controllers have for it.
bool bears_out(std::string_view theirs, Reason ours) {
  switch (ours) {
    case Reason::kUnschedulable:
    case Reason::kInsufficientMemory:
      return theirs == "FailedScheduling";
    case Reason::kQuotaExceeded:
    case Reason::kPodRefused:
      return theirs == "FailedCreate";
    case Reason::kImagePullFailed:
      return theirs == "Failed" || theirs == "ErrImageNeverPull" || theirs == "InspectFailed";
    case Reason::kCrashLoop:
    case Reason::kFetchFailed:
      return theirs == "BackOff";
    case Reason::kHanging:
    case Reason::kStarting:
      return theirs == "Unhealthy" || theirs == "FailedMount" || theirs == "FailedCreatePodSandBox";
    default:
      return false;
  }
}

class Facts {
 public:
  Facts(const View& view, const Signal& signal) : view_(view), signal_(signal), spec_(view.deployment.spec) {}

  std::vector<Evidence> all() {
    switch (signal_.reason) {
      case Reason::kVersionNotFound:
        versions();
        break;
      case Reason::kSignatureChanged:
        signatures();
        break;
      case Reason::kInsufficientMemory:
        spec("spec.replicas", std::to_string(spec_.replicas));
        [[fallthrough]];
      case Reason::kOutOfMemory:
      case Reason::kMemoryPressure:
        spec("spec.resources.memory", memory_text(spec_.settings.memory_bytes));
        break;
      case Reason::kScaledToZero:
        spec("spec.replicas", "0");
        break;
      case Reason::kLoadFailed:
      case Reason::kDigestMismatch:
      case Reason::kFetchFailed:
        artifact();
        break;
      default:
        break;
    }
    if (!signal_.log.empty())
      out_.push_back({.object = signal_.about ? signal_.about->revision.name : view_.deployment.name,
                      .where = "log",
                      .says = signal_.log,
                      .time = {}});
    return std::move(out_);
  }

 private:
  void spec(const char* where, std::string says) {
    out_.push_back(
        {.object = object_of(view_.deployment), .where = where, .says = std::move(says), .time = {}});
  }
  void add(const ModelVersion& version, std::string where, std::string says) {
    out_.push_back({.object = "modelversion/" + version.name(),
                    .where = std::move(where),
                    .says = std::move(says),
                    .time = {}});
  }
  void versions();
  void signatures();
  void tensors(const ModelVersion& version, const char* side, const std::vector<TensorFacts>& own,
               const std::vector<TensorFacts>& other);
  void artifact();

  const View& view_;
  const Signal& signal_;
  const domain::ModelDeploymentSpec& spec_;
  std::vector<Evidence> out_;
};

void Facts::versions() {
  spec("spec.version", std::to_string(spec_.version));
  std::vector<const ModelVersion*> own;
  for (const ModelVersion& version : view_.versions)
    if (version.model == spec_.model) own.push_back(&version);
  std::ranges::sort(own, std::greater{}, &ModelVersion::version);
  for (const ModelVersion* version : own | std::views::take(kVersionsShown))
    add(*version, "spec.digest", version->digest);
}

// Those of `own` that the other side has not, or has otherwise.
void Facts::tensors(const ModelVersion& version, const char* side, const std::vector<TensorFacts>& own,
                    const std::vector<TensorFacts>& other) {
  for (const TensorFacts& tensor : own) {
    if (std::ranges::find(other, tensor) != other.end()) continue;
    add(version, fmt::format("spec.signature.{}[{}]", side, tensor.name),
        fmt::format("{} [{}]", tensor.datatype, fmt::join(tensor.shape, ",")));
  }
}

void Facts::signatures() {
  const domain::RevisionStatus* stable = view_.deployment.status.stable();
  const ModelVersion* next = version_of(view_, spec_.model, spec_.version);
  const ModelVersion* old =
      stable ? version_of(view_, stable->revision.model, stable->revision.version) : nullptr;
  if (!old || !next) return;
  tensors(*old, "inputs", old->inputs, next->inputs);
  tensors(*next, "inputs", next->inputs, old->inputs);
  tensors(*old, "outputs", old->outputs, next->outputs);
  tensors(*next, "outputs", next->outputs, old->outputs);
}

void Facts::artifact() {
  const auto* revision = signal_.about ? &signal_.about->revision : nullptr;
  const ModelVersion* version = version_of(view_, revision ? revision->model : spec_.model,
                                           revision ? revision->version : spec_.version);
  if (!version) return;
  if (signal_.reason == Reason::kLoadFailed)
    add(*version, "spec.format", version->format);
  else
    add(*version, "spec.artifact", version->artifact);
}

}  // namespace

Evidence evidence_of(const Event& event) {
  return {.object = event.object,
          .where = "Event " + event.reason,
          .says = event.message,
          .time = event.last,
          .count = event.count};
}

std::vector<Evidence> events_about(const View& view, Reason reason, const domain::RevisionStatus* about) {
  std::vector<const Event*> found;
  for (const Event& event : view.events) {
    if (event.reason != name(reason)) continue;
    // Older revisions had faults of the same kind. What goes back names the revision that it goes back to.
    const size_t at = about ? event.message.find(about->revision.name) : 0;
    if (reason == Reason::kRolloutComplete && at != 0) continue;  // that is how it came to be kept
    if (reason != Reason::kRolledBack && at == std::string::npos) continue;
    found.push_back(&event);
  }
  sort(found);
  std::vector<Evidence> out;
  for (const Event* event : found | std::views::take(kEventsShown)) out.push_back(evidence_of(*event));
  return out;
}

std::vector<Evidence> cluster_events(const View& view, Reason reason, const domain::RevisionStatus* about) {
  const std::string of = (about ? about->revision.name : view.deployment.name) + "-";
  std::vector<const Event*> found;
  for (const Event& event : view.events) {
    const size_t slash = event.object.find('/');
    const std::string_view kind = std::string_view(event.object).substr(0, slash);
    const std::string named = event.object.substr(slash + 1) + "-";
    if (!event.warning || (kind != "pod" && kind != "replicaset" && kind != "deployment")) continue;
    if (named.starts_with(of) && bears_out(event.reason, reason)) found.push_back(&event);
  }
  sort(found);
  std::vector<Evidence> out;
  for (const Event* event : found | std::views::take(kEventsShown)) out.push_back(evidence_of(*event));
  return out;
}

std::vector<Evidence> facts_about(const View& view, const Signal& signal) {
  return Facts(view, signal).all();
}

std::vector<Evidence> past_faults(const View& view) {
  const std::string object = object_of(view.deployment);
  std::vector<const Event*> found;
  for (const Event& event : view.events)
    if (event.warning && event.object == object) found.push_back(&event);
  sort(found);
  std::vector<Evidence> out;
  for (const Event* event : found | std::views::take(kEventsShown)) out.push_back(evidence_of(*event));
  return out;
}

std::optional<Evidence> last_decision(const View& view) {
  const std::string object = object_of(view.deployment);
  std::vector<const Event*> own;
  for (const Event& event : view.events)
    if (event.object == object) own.push_back(&event);
  if (own.empty()) return std::nullopt;
  sort(own);
  return evidence_of(*own.front());
}

}  // namespace slipway::why
