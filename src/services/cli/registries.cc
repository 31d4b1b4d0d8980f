#include "services/cli/registries.h"

#include <cstdio>
#include <cstdlib>

#include "system/oci/docker_config.h"

namespace slipway::cli {
namespace {

constexpr uint64_t kPemLimit = 1 << 20;
// Making a gigabyte lasting takes its time: a registry answers when it is.
constexpr int kTimeoutMs = 120'000;
constexpr int kProbeTimeoutMs = 5'000;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<oci::Credentials> find_credentials(const RegistryAccess& access, const Artifact& artifact) {
  for (const std::string& path : access.docker_configs) {
    const auto config = oci::DockerConfig::load(path);
    // Kubernetes mounts a secret that is not there as an empty folder.
    if (!config && config.error().code == Code::kNotFound) {
      std::fprintf(stderr, "warning: %s; going on without it\n", config.error().message.c_str());
      continue;
    }
    if (!config) return fail(config.error());
    auto found = config->find(artifact.registry, artifact.repository);
    if (!found || !found->empty()) return found;
  }
  return oci::Credentials{};
}

// Of --ca-file, and of the folders with credentials: a pull secret may hold its registry's `ca.crt` too.
Result<std::string> find_authorities(const RegistryAccess& access) {
  std::string out;
  for (const std::string& path : access.docker_configs)
    if (const auto pem = os::read_file(path + "/ca.crt", kPemLimit)) out += *pem + "\n";
  if (access.ca_file.empty()) return out;
  auto pem = os::read_file(access.ca_file, kPemLimit);
  if (!pem) return fail(base::within("--ca-file", pem.error()));
  return out + *pem;
}

// https, unless it is said otherwise; of a registry on this machine, what it speaks.
Result<http::Url> find_url(const std::string& registry, const RegistryAccess& access,
                           const http::ClientOptions& http) {
  const std::string host = oci::is_docker_hub(registry) ? std::string(oci::kDockerHub) : registry;
  const auto secure = http::parse_url("https://" + host), plain = http::parse_url("http://" + host);
  if (!secure || !plain)
    return fail(Code::kUnsupported, "'{}' is no registry's address; it looks like registry.example.org:5000",
                registry);
  if (access.plain_http == oci::PlainHttp::kAllowed) return plain;
  if (!http::is_local(secure->address) || !http.also_ca_pem.empty()) return secure;
  http::ClientOptions probe = http;
  probe.timeout_ms = kProbeTimeoutMs;
  const auto spoken = http::Client(*secure, probe).ask({.target = "/v2/"});
  // A certificate that is not to be trusted is one all the same.
  if (spoken || spoken.error().code == Code::kDenied) return secure;
  return http::Client(*plain, probe).ask({.target = "/v2/"}) ? plain : secure;
}

}  // namespace

std::vector<Option> with_registry(std::vector<Option> own) {
  own.push_back(
      {.names = "--docker-config",
       .value = "PATH",
       .help = "Credentials for other registries: a docker config.json, or a folder with one (a mounted "
               "pull secret, whose ca.crt is trusted too); may be repeated (default: $DOCKER_CONFIG, else "
               "~/.docker)",
       .times = Times::kAnyNumber});
  own.push_back({.names = "--ca-file",
                 .value = "FILE",
                 .help = "CAs (PEM) that sign such a registry's certificate, besides those that this machine "
                         "trusts"});
  own.push_back({.names = "--plain-http",
                 .value = "",
                 .help = "Speak to such a registry without TLS, and let it send credentials anywhere so"});
  return own;
}

RegistryAccess registry_access(const Arguments& arguments) {
  RegistryAccess out{.docker_configs = arguments.all("--docker-config"),
                     .ca_file = arguments.get("--ca-file"),
                     .plain_http = arguments.has("--plain-http") ? oci::PlainHttp::kAllowed
                                                                 : oci::PlainHttp::kThisMachineOnly};
  const std::string own =
      environment("DOCKER_CONFIG").empty() ? environment("HOME") + "/.docker" : environment("DOCKER_CONFIG");
  if (out.docker_configs.empty() && os::open_file(own + "/config.json"))
    out.docker_configs.push_back(own + "/config.json");
  return out;
}

void complete_name(Artifact& artifact) {
  if (oci::is_docker_hub(artifact.registry) && artifact.repository.find('/') == std::string::npos)
    artifact.repository = "library/" + artifact.repository;
}

Result<std::unique_ptr<oci::RegistryClient>> open_registry(const Artifact& artifact,
                                                           const RegistryAccess& access,
                                                           oci::ClientOptions options) {
  auto authorities = find_authorities(access);
  if (!authorities) return fail(authorities.error());
  http::ClientOptions http{
      .timeout_ms = kTimeoutMs, .also_ca_pem = std::move(*authorities), .ca_source = "--ca-file"};
  auto credentials = find_credentials(access, artifact);
  if (!credentials) return fail(credentials.error());
  options.access.credentials = std::move(*credentials);
  options.access.plain_http = access.plain_http;
  auto url = find_url(artifact.registry, access, http);
  if (!url) return fail(url.error());
  return std::make_unique<oci::RegistryClient>(std::move(*url), std::move(http), std::move(options));
}

}  // namespace slipway::cli
