#include "services/gateway/testing/world.h"

#include <unistd.h>

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

Replica::Replica(const Folder& folder, std::string name, const runtime::Clock& clock, Act act)
    : name_(std::move(name)), path_(folder.file(name_ + ".sock")), act_(std::move(act)) {
  server_ = std::make_unique<http::Server>(
      http::ServerOptions{.address = {.kind = http::Address::Kind::kUnix, .path = path_}},
      [this](http::Exchange& exchange) {
        ++asked_;
        if (act_) return act_(exchange);
        exchange.respond({.body = fmt::format("{} {}", name_, exchange.head().target)});
      },
      clock);
  EXPECT_TRUE(server_->start());
}

void Replica::stop() {
  if (server_) server_->stop();
  server_.reset();
  ::unlink(path_.c_str());
}

void GatewayTest::start(Options options, TakeIn when) {
  if (options.listen == http::Address{}) options.listen = *http::parse_address("127.0.0.1:0");
  options.admin = {{.kind = http::Address::Kind::kUnix, .path = folder_.file("admin.sock")}};
  options.sockets = folder_.path();
  options.lists = folder_.file("lists");
  now_ = clock_.now();
  gateway_ = std::make_unique<Gateway>(std::move(options), store_, clock_, nullptr);
  const Status started = gateway_->start();
  ASSERT_TRUE(started) << started.error().message;
  if (when == TakeIn::kAtOnce) take_in();
}

Replica& GatewayTest::replica(const std::string& name, Replica::Act act) {
  return *replicas_.emplace_back(std::make_unique<Replica>(folder_, name, clock_, std::move(act)));
}

std::unique_ptr<http::Client> GatewayTest::client() const {
  return std::make_unique<http::Client>(*http::parse_url("http://" + gateway_->address().str()));
}

http::Response GatewayTest::ask(const http::Request& request) const {
  auto response = client()->ask(request);
  EXPECT_TRUE(response) << (response ? "" : response.error().message);
  return response.value_or(http::Response{});
}

http::Response GatewayTest::infer(std::string_view body, const std::string& deployment) const {
  return ask({.method = base::Method::kPost,
              .target = fmt::format("/v2/models/{}/infer", deployment),
              .headers = {},
              .body = body});
}

http::Response GatewayTest::admin(const std::string& target) const {
  http::Client to(*http::parse_url("unix:" + folder_.file("admin.sock")));
  auto response = to.ask({.target = target});
  EXPECT_TRUE(response) << (response ? "" : response.error().message);
  return response.value_or(http::Response{});
}

std::string GatewayTest::sample(const std::string& name) const {
  const std::string text = admin("/metrics").body;
  const size_t at = text.find("\n" + name + " ");
  if (at == std::string::npos) return "none";
  const size_t from = at + name.size() + 2;
  return text.substr(from, text.find('\n', from) - from);
}

}  // namespace slipway::gateway::testing
