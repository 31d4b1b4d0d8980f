#include "adapters/pods/internal/writer.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "values/domain/endpoint_slice.h"

namespace slipway::pods {
namespace {

using domain::Fault;
using domain::Reason;
using environment::refuse;
using json::Document;
using json::member;
using json::text_of;

constexpr int kAttempts = 4;  // of a write that others' writes overtake

bool has_cause(const kube::ApiError& error, std::string_view reason) {
  return std::any_of(error.causes.begin(), error.causes.end(),
                     [&](const kube::Cause& cause) { return cause.reason == reason; });
}

// Somebody else owns fields that we want to set.
bool is_owned(const kube::ApiError& error) {
  return error.status == 409 && has_cause(error, "FieldManagerConflict");
}

// What names the object for good was made by somebody else: its selector, its controller.
bool is_anothers(const kube::ApiError& error) {
  return error.status == 422 && std::any_of(error.causes.begin(), error.causes.end(), [](const auto& cause) {
           return cause.field == "spec.selector" || cause.field == "metadata.ownerReferences";
         });
}

Fault fault_of(const kube::ApiError& error) {
  if (error.status == 403) return refusal_of(error.error.message);
  if (error.status == 400 || error.status == 422) return {Reason::kPodRefused, error.error.message};
  return {Reason::kEnvironmentUnavailable, error.error.message};
}

Fault taken(const kube::ObjectRef& ref, const std::string& holder) {
  return {Reason::kNameTaken, fmt::format("{} belongs to {}; remove it, or give the deployment another name",
                                          ref.str(), holder.empty() ? "somebody else" : holder)};
}

// The controller of an object, unless it is a ModelDeployment.
std::string controller_of(const Document& metadata) {
  for (const Document& owner : member(metadata, "ownerReferences"))
    if (member(owner, "controller") == true && text_of(owner, "kind") != "ModelDeployment")
      return fmt::format("{} '{}'", text_of(owner, "kind"), text_of(owner, "name"));
  return "";
}

// What lost its labels is still ours by its owner.
bool has_owner_of_ours(const Document& metadata) {
  const Document& owners = member(metadata, "ownerReferences");
  return std::any_of(owners.begin(), owners.end(),
                     [](const Document& owner) { return text_of(owner, "kind") == "ModelDeployment"; });
}

void base_on(Document& intent, const std::optional<Identity>& seen) {
  Document& metadata = intent["metadata"];
  if (seen) {
    metadata["uid"] = seen->uid;
    metadata["resourceVersion"] = seen->version;
  } else {
    metadata.erase("uid");
    metadata.erase("resourceVersion");
  }
}

}  // namespace

const kube::Resource kDeployments{"apps", "v1", "deployments"}, kServices{"", "v1", "services"},
    kBudgets{"policy", "v1", "poddisruptionbudgets"}, kPods{"", "v1", "pods"};

tl::expected<void, Fault> Writer::ask_leave() const {
  if (may_write_ && !may_write_())
    return refuse({Reason::kEnvironmentUnavailable, "another control leads: nothing is written"});
  return {};
}

tl::expected<Writer::Found, Fault> Writer::look(const kube::ObjectRef& ref) {
  const auto object = client_.get(ref);
  if (!object && object.error().status == 404) return Found{};
  if (!object) return refuse(fault_of(object.error()));
  const auto document = json::parse_document(object->json);
  if (!document) return refuse({Reason::kEnvironmentUnavailable, document.error().message});
  const Document& metadata = member(*document, "metadata");
  const bool labelled = text_of(member(metadata, "labels"), kRevisionLabel) == ref.name;
  const std::string holder = controller_of(metadata);
  const bool owned = has_owner_of_ours(metadata);
  return Found{.identity = Identity{object->uid, object->resource_version},
               .ours = (labelled || owned) && holder.empty(),
               .holder = holder};
}

// What is not known yet is not forced: who has it by that name says so by a conflict.
tl::expected<kube::Object, Fault> Writer::put(const kube::Resource& resource, Document intent,
                                              std::optional<Identity> seen) {
  const kube::ObjectRef ref{resource, text_of(intent["metadata"], "namespace"),
                            text_of(intent["metadata"], "name")};
  for (int attempt = 1;; ++attempt) {
    if (auto leave = ask_leave(); !leave) return refuse(leave.error());
    base_on(intent, seen);
    const std::string body = json::canonical(intent);
    const auto kind = seen ? kube::PatchKind::kApplyForced : kube::PatchKind::kApply;
    auto done = client_.patch(ref, {.kind = kind, .json = body}, {.field_manager = std::string(kOurs)});
    if (done) return std::move(*done);
    const kube::ApiError& error = done.error();
    const bool overtaken = error.status == 409 || error.status == 404 || is_anothers(error);
    if (!overtaken || attempt == kAttempts) return refuse(fault_of(error));
    const auto found = look(ref);
    if (!found) return refuse(found.error());
    if ((found->identity && !found->ours) || is_anothers(error)) return refuse(taken(ref, found->holder));
    // The namespace itself may be missing, or going.
    if (!found->identity && !seen && !is_owned(error)) return refuse(fault_of(error));
    seen = found->identity;
  }
}

environment::Applied Writer::remove(const kube::Resource& resource, const std::string& ns,
                                    const std::string& name) {
  const kube::ObjectRef ref{resource, ns, name};
  for (int attempt = 1;; ++attempt) {
    const auto found = look(ref);
    if (!found) return refuse(found.error());
    if (!found->identity || !found->ours) return {};
    if (auto leave = ask_leave(); !leave) return leave;
    const auto done =
        client_.remove(ref, {.uid = found->identity->uid, .resource_version = found->identity->version});
    if (done || done.error().status == 404) return {};
    if (done.error().status != 409 || attempt == kAttempts) return refuse(fault_of(done.error()));
  }
}

}  // namespace slipway::pods
