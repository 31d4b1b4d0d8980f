#include "services/registry/garbage.h"

#include <nlohmann/json.hpp>

#include "system/runtime/log.h"
#include "values/domain/model_deployment.h"
#include "values/domain/model_version.h"

namespace slipway::registry {
namespace {

Result<std::set<Digest>> versions_need(const store::Store& store) {
  const auto versions = store.list(store::Kind::kModelVersion, {});
  if (!versions) return fail(versions.error());
  std::set<Digest> out;
  for (const store::ObjectPtr& version : versions->items) {
    const auto content = json::parse_document(version->content);
    const auto digest = content ? Digest::parse(json::text_of(json::member(*content, "spec"), "digest"))
                                : Result<Digest>(fail(content.error()));
    if (!digest) return fail(within(version->key.str(), digest.error()));
    out.insert(*digest);
  }
  return out;
}

// A version may be deleted while it serves: its replicas are started again from these files.
Result<std::set<Digest>> deployments_need(const store::Store& store) {
  const auto deployments = store.list(store::Kind::kModelDeployment, {});
  if (!deployments) return fail(deployments.error());
  std::set<Digest> out;
  for (const store::ObjectPtr& object : deployments->items) {
    const auto deployment = domain::parse_model_deployment(*object);
    if (!deployment) return fail(deployment.error());
    for (const domain::RevisionStatus& each : deployment->status.revisions)
      if (const auto digest = Digest::parse(each.revision.digest)) out.insert(*digest);
  }
  return out;
}

}  // namespace

Status Garbage::step(TimePoint now) {
  if (next_ == TimePoint::min()) next_ = now + options_.after_start;
  if (now < next_) return ok();
  next_ = now + options_.every;
  auto roots = versions_need(store_);
  if (!roots) return fail(roots.error());
  const auto serving = deployments_need(store_);
  if (!serving) return fail(serving.error());
  roots->insert(serving->begin(), serving->end());
  const auto report = layout_.collect(*roots);
  if (!report) return fail(report.error());
  if (report->removed > 0)
    runtime::log::info("registry", "files that nobody needs were removed",
                       {{"files", report->removed}, {"bytes", static_cast<int64_t>(report->removed_bytes)}});
  return ok();
}

}  // namespace slipway::registry
