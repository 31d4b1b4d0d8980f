#include "system/oci/docker_config.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "system/os/files.h"
#include "values/base/base64.h"
#include "values/json/document.h"

namespace slipway::oci {
namespace {

using json::Document;

constexpr uint64_t kConfigBytes = 1 << 20;
constexpr size_t kMaxEntries = 1000;

// "https://index.docker.io/v1/" → index.docker.io; "reg.example.org:5000/team" → that and "team".
std::pair<std::string, std::string> split_key(std::string_view key) {
  if (const size_t scheme = key.find("://"); scheme != std::string_view::npos) key.remove_prefix(scheme + 3);
  while (key.ends_with('/')) key.remove_suffix(1);
  const size_t slash = std::min(key.find('/'), key.size());
  std::string_view path = key.substr(std::min(slash + 1, key.size()));
  if (path == "v1" || path == "v2") path = "";
  return {std::string(key.substr(0, slash)), std::string(path)};
}

// The username and the password out of the `auth` of an entry.
Status read_auth(std::string_view auth, Credentials& out) {
  const auto pair = base::base64_decode(auth);
  const size_t colon = pair ? pair->find(':') : std::string::npos;
  if (colon == std::string::npos) return fail(Code::kInvalid, "its `auth` is not base64 of USER:PASSWORD");
  out.username = pair->substr(0, colon);
  out.password = pair->substr(colon + 1);
  while (out.password.ends_with('\0')) out.password.pop_back();
  return ok();
}

Result<Credentials> read_entry(const Document& entry) {
  Credentials out{.username = json::text_of(entry, "username"),
                  .password = json::text_of(entry, "password"),
                  .identity_token = json::text_of(entry, "identitytoken")};
  const std::string auth = json::text_of(entry, "auth");
  if (auth.empty()) return out;
  if (Status read = read_auth(auth, out); !read) return fail(read.error());
  return out;
}

// Label by label: '*' stands for one of them.
bool host_matches(std::string_view pattern, std::string_view host) {
  while (true) {
    const size_t a = std::min(pattern.find('.'), pattern.size()), b = std::min(host.find('.'), host.size());
    if (pattern.substr(0, a) != "*" && pattern.substr(0, a) != host.substr(0, b)) return false;
    if (a == pattern.size() || b == host.size()) return a == pattern.size() && b == host.size();
    pattern.remove_prefix(a + 1);
    host.remove_prefix(b + 1);
  }
}

bool names_host(std::string_view pattern, std::string_view host) {
  return host_matches(pattern, host) || (is_docker_hub(pattern) && is_docker_hub(host));
}

bool names_path(std::string_view prefix, std::string_view repository) {
  return prefix.empty() || repository == prefix ||
         (repository.starts_with(prefix) && repository[prefix.size()] == '/');
}

}  // namespace

bool is_docker_hub(std::string_view registry) {
  return registry == "docker.io" || registry == "index.docker.io" || registry == kDockerHub;
}

Result<DockerConfig> DockerConfig::parse(std::string_view text, const std::string& source) {
  const auto document = json::parse_document(text, {.bytes = kConfigBytes});
  if (!document || !document->is_object())
    return fail(Code::kInvalid, "{} is no docker configuration: it is not a JSON object", source);
  DockerConfig out;
  out.source_ = source;
  out.store_ = json::text_of(*document, "credsStore");
  for (const auto& [host, program] : json::member(*document, "credHelpers").items())
    if (program.is_string()) out.helpers_.push_back({split_key(host).first, program.get<std::string>()});
  // The older form has the entries at its top.
  const bool older = !document->contains("auths") && out.store_.empty() && out.helpers_.empty();
  for (const auto& [key, entry] : (older ? *document : json::member(*document, "auths")).items()) {
    if (!entry.is_object()) continue;
    auto credentials = read_entry(entry);
    if (!credentials)
      return fail(Code::kInvalid, "{}: the entry of {}: {}", source, key, credentials.error().message);
    auto [host, path] = split_key(key);
    if (out.entries_.size() == kMaxEntries)
      return fail(Code::kTooLarge, "{} holds more than {} entries", source, kMaxEntries);
    out.entries_.push_back({std::move(host), std::move(path), std::move(*credentials)});
  }
  return out;
}

Result<DockerConfig> DockerConfig::load(const std::string& path) {
  const auto read = [](const std::string& file) -> Result<DockerConfig> {
    const auto text = os::read_file(file, kConfigBytes);
    if (!text) return fail(text.error());
    return parse(*text, file);
  };
  if (!os::is_folder(path)) return read(path);
  for (const char* name : {".dockerconfigjson", "config.json", ".dockercfg"})
    if (auto config = read(path + "/" + name); config || config.error().code != Code::kNotFound)
      return config;
  return fail(Code::kNotFound, "{} holds neither .dockerconfigjson nor config.json", path);
}

Result<Credentials> DockerConfig::find(std::string_view registry, std::string_view repository) const {
  for (const Helper& helper : helpers_)
    if (names_host(helper.host, registry))
      return fail(
          Code::kUnsupported,
          "{}: the credentials of {} are kept by docker-credential-{}, which is not run here; put them "
          "into `auths` of a configuration of their own, and name that",
          source_, registry, helper.program);
  const Entry* best = nullptr;
  for (const Entry& entry : entries_)
    if (names_host(entry.host, registry) && names_path(entry.path, repository) &&
        (best == nullptr || entry.path.size() > best->path.size()))
      best = &entry;
  if (best == nullptr) return Credentials{};
  if (best->credentials.empty() && !store_.empty())
    return fail(Code::kUnsupported,
                "{}: the credentials of {} are kept by docker-credential-{} (credsStore), which is not run "
                "here; put them into `auths` of a configuration of their own, and name that",
                source_, registry, store_);
  return best->credentials;
}

}  // namespace slipway::oci
