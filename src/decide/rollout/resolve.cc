// From the spec's words to what would run: the version, and whether callers of the stable one can use it.
#include <algorithm>

#include "decide/rollout/rollout.h"

namespace slipway::rollout {
namespace {

using domain::ModelVersion;
using domain::TensorFacts;

std::string list_of(const std::vector<ModelVersion>& versions, const std::string& model) {
  std::vector<int64_t> numbers;
  for (const ModelVersion& version : versions)
    if (version.model == model) numbers.push_back(version.version);
  std::sort(numbers.begin(), numbers.end());
  constexpr size_t kShown = 10;
  if (numbers.empty())
    return fmt::format("there is no version of {} at all; push one: slipway push FILE --name {}", model,
                       model);
  const size_t skipped = numbers.size() > kShown ? numbers.size() - kShown : 0;
  numbers.erase(numbers.begin(), numbers.begin() + static_cast<ptrdiff_t>(skipped));
  return fmt::format("{} has {}{}", model, skipped > 0 ? "…, " : "", fmt::join(numbers, ", "));
}

const TensorFacts* find(const std::vector<TensorFacts>& tensors, const std::string& name) {
  const auto at = std::find_if(tensors.begin(), tensors.end(),
                               [&](const TensorFacts& each) { return each.name == name; });
  return at == tensors.end() ? nullptr : &*at;
}

std::string text_of(const TensorFacts& tensor) {
  return fmt::format("{} [{}]", tensor.datatype, fmt::join(tensor.shape, ","));
}

// Whether whoever knows `old` can go on with `next`: -1 takes, and may be, anything.
bool fits(const TensorFacts& old, const TensorFacts& next) {
  return old.datatype == next.datatype &&
         std::equal(old.shape.begin(), old.shape.end(), next.shape.begin(), next.shape.end(),
                    [](int64_t was, int64_t is) { return was == is || is == -1 || was == -1; });
}

// What callers of `old` would stumble over first; empty: nothing.
std::string difference(const char* side, const std::vector<TensorFacts>& old,
                       const std::vector<TensorFacts>& next) {
  for (const TensorFacts& tensor : old) {
    const TensorFacts* now = find(next, tensor.name);
    if (!now) return fmt::format("{} {} is gone", side, tensor.name);
    if (!fits(tensor, *now))
      return fmt::format("{} {} was {} and is {}", side, tensor.name, text_of(tensor), text_of(*now));
  }
  return {};
}

// New outputs hurt nobody; new inputs do.
std::string signature_change(const ModelVersion& old, const ModelVersion& next) {
  if (old.inputs.empty() || next.inputs.empty()) return {};
  if (std::string text = difference("input", old.inputs, next.inputs); !text.empty()) return text;
  for (const TensorFacts& tensor : next.inputs)
    if (!find(old.inputs, tensor.name)) return fmt::format("input {} is new", tensor.name);
  return difference("output", old.outputs, next.outputs);
}

const ModelVersion* stable_version(const ModelDeployment& deployment,
                                   const std::vector<ModelVersion>& versions) {
  const domain::RevisionStatus* stable = deployment.status.stable();
  if (!stable) return nullptr;
  const auto at = std::find_if(versions.begin(), versions.end(), [&](const ModelVersion& each) {
    return each.digest == stable->revision.digest;
  });
  return at == versions.end() ? nullptr : &*at;
}

}  // namespace

Target resolve(const ModelDeployment& deployment, const std::vector<ModelVersion>& versions) {
  const domain::ModelDeploymentSpec& spec = deployment.spec;
  const auto wanted = std::find_if(versions.begin(), versions.end(), [&](const ModelVersion& each) {
    return each.model == spec.model && each.version == spec.version;
  });
  if (wanted == versions.end())
    return {
        .revision = {},
        .refusal = Fault{Reason::kVersionNotFound, fmt::format("{} has no version {}: {}", spec.model,
                                                               spec.version, list_of(versions, spec.model))}};
  domain::RevisionSpec revision{.name = {},
                                .deployment = deployment.name,
                                .model = spec.model,
                                .version = spec.version,
                                .digest = wanted->digest,
                                .artifact = wanted->artifact,
                                .settings = spec.settings};
  revision.name = domain::revision_name(revision);
  // Whoever goes back to what has served before knows its signature.
  const domain::RevisionStatus* known = deployment.status.find(revision.name);
  const bool served =
      known && (known->phase == domain::Phase::kServing || known->phase == domain::Phase::kKept);
  const ModelVersion* stable = stable_version(deployment, versions);
  const std::string change =
      stable && !served && !spec.rollout.allow_signature_change ? signature_change(*stable, *wanted) : "";
  if (change.empty()) return {.revision = std::move(revision), .refusal = {}};
  return {.revision = {},
          .refusal = Fault{Reason::kSignatureChanged,
                           fmt::format("{}:{} does not fit callers of {}:{}: {}; if they know, set "
                                       "spec.rollout.allowSignatureChange",
                                       spec.model, spec.version, stable->model, stable->version, change)}};
}

}  // namespace slipway::rollout
