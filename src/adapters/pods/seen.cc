#include "adapters/pods/internal/seen.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "system/kube/apply.h"
#include "values/domain/endpoint_slice.h"

namespace slipway::pods {
namespace {

using domain::Fault;
using domain::Reason;
using json::Document;
using json::member;
using json::text_of;

Identity identity_of(const Document& metadata) {
  return {.uid = text_of(metadata, "uid"), .version = text_of(metadata, "resourceVersion")};
}

std::string owner_of(const Document& metadata) {
  for (const Document& owner : member(metadata, "ownerReferences"))
    if (text_of(owner, "kind") == "ModelDeployment") return text_of(owner, "uid");
  return "";
}

std::optional<Wanted> told_in(const Document& metadata) {
  const Document& annotations = member(metadata, "annotations");
  const std::string spec = text_of(annotations, kSpecAnnotation);
  const std::string replicas = text_of(annotations, kReplicasAnnotation);
  const auto document = json::parse_document(spec);
  if (!document) return std::nullopt;
  auto revision = domain::parse_revision(*document);
  if (!revision || revision->name != text_of(metadata, "name")) return std::nullopt;
  Wanted out{.revision = std::move(*revision),
             .replicas = 0,
             .ns = text_of(metadata, "namespace"),
             .owner = owner_of(metadata)};
  const auto [end, error] = std::from_chars(replicas.data(), replicas.data() + replicas.size(), out.replicas);
  if (error != std::errc{} || end != replicas.data() + replicas.size() || out.replicas < 0)
    return std::nullopt;
  return out;
}

const Document* condition(const Document& status, std::string_view type) {
  for (const Document& each : member(status, "conditions"))
    if (text_of(each, "type") == type) return &each;
  return nullptr;
}

// The parts of a revision that are known by their names and labels alone.
Wanted child_of(const Document& metadata) {
  Wanted out{
      .revision = {}, .replicas = 0, .ns = text_of(metadata, "namespace"), .owner = owner_of(metadata)};
  out.revision.name = text_of(metadata, "name");
  out.revision.deployment = text_of(member(metadata, "labels"), domain::kDeploymentLabel);
  return out;
}

}  // namespace

Fault refusal_of(const std::string& message) {
  const auto says = [&](std::string_view words) { return message.find(words) != std::string::npos; };
  if (says("exceeded quota") || says("failed quota")) return {Reason::kQuotaExceeded, message};
  if (says("violates PodSecurity") || says("forbidden") || says("denied"))
    return {Reason::kPodRefused, message};
  return {Reason::kEnvironmentUnavailable, message};
}

SeenDeployment see_deployment(const Document& live, const Options& options) {
  const Document& metadata = member(live, "metadata");
  SeenDeployment out{.identity = identity_of(metadata), .told = told_in(metadata), .fault = {}};
  out.ends = metadata.contains("deletionTimestamp");
  if (out.told) out.as_told = kube::covers(live, deployment_of(*out.told, options));
  const Document* failure = condition(member(live, "status"), "ReplicaFailure");
  if (failure && text_of(*failure, "status") == "True") out.fault = refusal_of(text_of(*failure, "message"));
  return out;
}

SeenChild see_service(const Document& live) {
  const Document& metadata = member(live, "metadata");
  return {.identity = identity_of(metadata), .as_told = kube::covers(live, service_of(child_of(metadata)))};
}

SeenChild see_budget(const Document& live) {
  const Document& metadata = member(live, "metadata");
  return {.identity = identity_of(metadata), .as_told = kube::covers(live, budget_of(child_of(metadata)))};
}

}  // namespace slipway::pods
