#include "services/gateway/testing/world.h"

#include <cstdlib>
#include <filesystem>

#include <nlohmann/json.hpp>

namespace slipway::gateway::testing {

Folder::Folder() { EXPECT_NE(::mkdtemp(path_.data()), nullptr); }
Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

domain::ModelDeployment deployment(const std::string& name, const std::vector<Given>& revisions) {
  domain::ModelDeployment out{.space = "default", .name = name, .uid = {}, .spec = {.model = name}};
  for (const Given& each : revisions)
    out.status.revisions.push_back({.revision = {.name = each.revision,
                                                 .deployment = name,
                                                 .model = name,
                                                 .version = each.version,
                                                 .digest = "sha256:" + std::string(64, 'a'),
                                                 .artifact = name + "@sha256:" + std::string(64, 'a')},
                                    .weight = each.weight,
                                    .phase = domain::Phase::kServing});
  return out;
}

store::Object stored(const domain::ModelDeployment& deployment) {
  return {.key = {store::Kind::kModelDeployment, deployment.space, deployment.name},
          .meta = {},
          .content = json::canonical(domain::to_content(deployment.spec)),
          .status = domain::to_status(deployment.status)};
}

store::Object slice(const std::string& revision, int ready, int others) {
  domain::EndpointSlice out{.name = revision, .revision = revision, .deployment = "d", .endpoints = {}};
  for (int i = 0; i < ready + others; ++i) {
    const std::string replica = fmt::format("{}-{}", revision, i);
    out.endpoints.push_back({.replica = replica, .address = replica + ".sock", .ready = i < ready});
  }
  return domain::to_object(out, "default");
}

}  // namespace slipway::gateway::testing
