#include "services/cli/own_registry.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "services/cli/registries.h"
#include "system/kube/credentials.h"
#include "values/base/base64.h"
#include "values/json/document.h"

namespace slipway::cli {
namespace {

constexpr int kTimeoutMs = 120'000;  // making a gigabyte lasting takes its time

std::string value_of(const json::Document& secret, std::string_view key) {
  return base::base64_decode(json::text_of(json::member(secret, "data"), key)).value_or("");
}

// "slipway-registry.team.svc:5000" → what it names.
Status read_host(const std::string& host, OwnRegistry& out) {
  const size_t colon = host.rfind(':'), dot = host.find('.');
  const std::string_view port =
      std::string_view(host).substr(colon == std::string::npos ? host.size() : colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (dot == std::string::npos || error != std::errc{} || end != port.data() + port.size())
    return fail(Code::kInvalid, "'{}' is no service's address", host);
  if (host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.:") != std::string::npos)
    return fail(Code::kInvalid, "'{}' is no service's address", host);  // it becomes part of a path
  out.service = host.substr(0, dot);
  out.ns = host.substr(dot + 1, host.find_first_of(".:", dot + 1) - dot - 1);
  return ok();
}

Error without_registry(const Platform& platform, const kube::ApiError& error) {
  if (error.status == 404)
    return {Code::kNotFound,
            fmt::format("{} has no registry of its own in namespace {} (there is no Secret {}); say --to "
                        "REGISTRY/REPOSITORY, or `slipway install --registry`",
                        platform.str(), platform.access.ns, kRegistrySecret)};
  if (error.status == 403)
    return {Code::kDenied,
            fmt::format("you may not read the Secret {} in namespace {}, which opens the platform's own "
                        "registry: {}; say --to REGISTRY/REPOSITORY, or ask for the right to read it",
                        kRegistrySecret, platform.access.ns, error.error.message)};
  return platform.explained(error);
}

}  // namespace

std::string OwnRegistry::proxy_path() const {
  return fmt::format("/api/v1/namespaces/{}/services/https:{}:{}/proxy", ns, service, port);
}

Result<OwnRegistry> parse_own_registry(std::string_view secret_json, std::string_view ns) {
  const auto secret = json::parse_document(secret_json);
  if (!secret) return fail(secret.error());
  OwnRegistry out{.ns = std::string(ns), .token = value_of(*secret, "token")};
  const auto config = json::parse_document(value_of(*secret, ".dockerconfigjson"));
  const json::Document none;
  const json::Document& auths = config ? json::member(*config, "auths") : none;
  if (out.token.empty() || !auths.is_object() || auths.empty())
    return fail(Code::kInvalid, "the Secret {} in {} is not what control writes", kRegistrySecret, ns);
  if (Status read = read_host(auths.begin().key(), out); !read)
    return fail(base::within(fmt::format("the Secret {} in {}", kRegistrySecret, ns), read.error()));
  return out;
}

Result<std::unique_ptr<oci::RegistryClient>> own_registry(const Platform& platform,
                                                          oci::ClientOptions options) {
  const auto where = platform.where();
  if (!where) return fail(where.error());
  if (*where == Where::kMachine) return platform.registry(std::move(options));
  const auto secret = platform.client()->get({{.group = "", .version = "v1", .plural = "secrets"},
                                              platform.access.ns,
                                              std::string(kRegistrySecret)});
  if (!secret) return fail(without_registry(platform, secret.error()));
  const auto found = parse_own_registry(secret->json, platform.access.ns);
  if (!found) return fail(found.error());
  auto url = http::parse_url(platform.access.server);
  if (!url) return fail(url.error());
  const auto credentials = kube::read_credentials(platform.access);
  if (!credentials) return fail(credentials.error());
  url->prefix += found->proxy_path();
  // The API server keeps Authorization for itself.
  options.access.headers.emplace_back("x-slipway-token", found->token);
  return std::make_unique<oci::RegistryClient>(
      std::move(*url), credentials->apply_to({.timeout_ms = kTimeoutMs}, platform.access),
      std::move(options));
}

Result<std::unique_ptr<oci::RegistryClient>> registry_of(const Platform& platform, const Artifact& artifact,
                                                         const Arguments& arguments,
                                                         oci::ClientOptions options) {
  if (artifact.registry.empty()) return own_registry(platform, std::move(options));
  return open_registry(artifact, registry_access(arguments), std::move(options));
}

}  // namespace slipway::cli
