#include "apps/slipway/cluster_registry.h"

#include <chrono>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include "services/cli/own_registry.h"
#include "system/os/replace_file.h"
#include "system/runtime/log.h"
#include "values/base/base64.h"
#include "values/json/document.h"

namespace slipway::app {
namespace {

using namespace std::chrono_literals;
using json::Document;

// What the API server's proxy leaves alone: it keeps Authorization for itself.
constexpr std::string_view kTokenHeader = "x-slipway-token";
constexpr const char* kUser = "slipway";  // any will do
const kube::Resource kSecrets{.group = "", .version = "v1", .plural = "secrets"};

std::string secret_name() { return std::string(cli::kRegistrySecret); }

// The names that its certificate is for.
std::vector<std::string> names_of(const ClusterRegistryOptions& options) {
  const std::string name = fmt::format("{}.{}", options.service, options.ns);
  return {name + ".svc", name + ".svc.cluster.local", name, options.service, "localhost", "127.0.0.1"};
}

Document data_of(const RegistrySecret& secret) {
  const Document config{{"auths",
                         {{secret.host,
                           {{"username", kUser},
                            {"password", secret.token},
                            {"auth", base::base64_encode(fmt::format("{}:{}", kUser, secret.token))}}}}}};
  return {{"ca.crt", base::base64_encode(secret.ca_pem)},
          {"token", base::base64_encode(secret.token)},
          {".dockerconfigjson", base::base64_encode(json::canonical(config))}};
}

}  // namespace

std::string RegistrySecret::to_json(const std::string& ns) const {
  return json::canonical(
      {{"apiVersion", "v1"},
       {"kind", "Secret"},
       {"type", "kubernetes.io/dockerconfigjson"},
       {"metadata",
        {{"name", secret_name()},
         {"namespace", ns},
         {"labels",
          {{"app.kubernetes.io/part-of", "slipway"}, {"app.kubernetes.io/component", "registry"}}}}},
       {"data", data_of(*this)}});
}

bool RegistrySecret::is_in(std::string_view secret_json) const {
  const auto there = json::parse_document(secret_json);
  if (!there || json::text_of(*there, "type") != "kubernetes.io/dockerconfigjson") return false;
  const Document& data = json::member(*there, "data");
  const Document wanted = data_of(*this);
  for (const auto& [key, value] : wanted.items())
    if (json::member(data, key) != value) return false;
  return true;
}

ClusterRegistry::ClusterRegistry(ClusterRegistryOptions options, const kube::Access& access,
                                 const store::Store& store, const runtime::Clock& clock)
    : options_(std::move(options)), store_(store), clock_(clock), client_(access) {
  secret_.host = fmt::format("{}.{}.svc:{}", options_.service, options_.ns, options_.service_port);
}

Status ClusterRegistry::start() {
  auto folder = DataFolder::open(options_.folder);
  if (!folder) return fail(base::within("--registry", folder.error()));
  folder_.emplace(std::move(*folder));
  const auto token = folder_->token();
  if (!token) return fail(token.error());
  tokens_.emplace(base::sha256(*token));
  const auto identity = folder_->server_identity(names_of(options_), clock_.wall());
  if (!identity) return fail(identity.error());
  auto tls = http::TlsServer::make(*identity);
  if (!tls) return fail(tls.error());
  if (Status made = os::make_folders(folder_->models()); !made) return made;
  auto layout = oci::Layout::open(folder_->models(), {}, clock_);
  if (!layout) return fail(layout.error());
  models_ = std::move(*layout);
  garbage_ = std::make_unique<registry::Garbage>(registry::GarbageOptions{}, *models_, store_);
  registry_ = std::make_unique<registry::Registry>(registry::RegistryOptions{}, *models_, executor_);
  secret_.ca_pem = folder_->authority_pem();
  secret_.token = *token;
  // The folder's kubeconfig is where the token lasts; the address in it is for people who look.
  if (Status kept = folder_->write_kubeconfig("https://" + secret_.host, *token); !kept) return kept;
  server_ = std::make_unique<http::Server>(
      http::ServerOptions{.address = options_.listen, .loops = 1, .name = "registry", .tls = *tls},
      [this](http::Exchange& exchange) { handle(exchange); }, clock_);
  return server_->start();
}

void ClusterRegistry::handle(http::Exchange& exchange) const {
  const base::RequestHead& head = exchange.head();
  if (!tokens_->is(head.find(kTokenHeader))) {
    const api::Verdict verdict = tokens_->check(head, registry::Registry::permission(head.method));
    if (verdict.refusal.status != 0)
      return registry::Registry::refuse(
          exchange, verdict.refusal.status,
          "the token of the Secret slipway-registry opens this registry, as the password of any user");
  }
  registry_->handle(exchange);
}

void ClusterRegistry::in_background(std::atomic<bool>& busy, std::function<Status()> work,
                                    std::string_view failed) {
  if (busy.exchange(true)) return;
  const bool taken = executor_.submit([&busy, work = std::move(work), failed] {
    if (Status done = work(); !done)
      runtime::log::warn("registry", failed, {{"error", done.error().message}});
    busy = false;
  });
  if (!taken) busy = false;
}

void ClusterRegistry::step(TimePoint now) {
  if (!server_ || stopped_) return;
  in_background(
      collecting_, [this, now] { return garbage_->step(now); }, "what nobody needs could not be removed");
  if (now < next_look_) return;
  next_look_ = now + (known_ ? options_.look_every : Duration(2s));
  in_background(
      keeping_, [this] { return keep_secret(); },
      "the Secret slipway-registry could not be kept: pods cannot pull");
}

// Read first: at rest nothing is written. A type cannot be changed, so what has another one goes.
Status ClusterRegistry::keep_secret() {
  const kube::ObjectRef ref{kSecrets, options_.ns, secret_name()};
  const auto there = client_.get(ref);
  if (!there && there.error().status != 404) {
    const bool told = std::exchange(last_fault_, there.error().error.message) == there.error().error.message;
    return told ? ok() : Status(fail(there.error().error));
  }
  if (!there || !secret_.is_in(there->json)) {
    const std::string wanted = secret_.to_json(options_.ns);
    const kube::Patch patch{.kind = kube::PatchKind::kApplyForced, .json = wanted};
    auto applied = client_.patch(ref, patch);
    if (!applied && there && applied.error().reason == "Invalid") {
      const auto gone = client_.remove(ref, {.uid = there->uid, .resource_version = there->resource_version});
      if (!gone && gone.error().status != 404) return fail(gone.error().error);
      applied = client_.patch(ref, patch);
    }
    if (!applied) {
      const bool told =
          std::exchange(last_fault_, applied.error().error.message) == applied.error().error.message;
      return told ? ok() : Status(fail(applied.error().error));
    }
    runtime::log::info("registry", "the Secret slipway-registry was written", {{"namespace", options_.ns}});
  }
  last_fault_.clear();
  known_ = true;
  return ok();
}

void ClusterRegistry::stop() {
  if (!server_ || std::exchange(stopped_, true)) return;
  server_->drain();
  std::this_thread::sleep_for(50ms);  // what was being sent may still go out
  client_.interrupt();
  executor_.stop();
  server_->stop();
}

}  // namespace slipway::app
