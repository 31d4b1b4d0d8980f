// What docker, podman and Kubernetes keep of registries' credentials: config.json, `.dockerconfigjson` of a
// pull secret, and the older `.dockercfg`. Pure but for load().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"

namespace slipway::oci {

// For one registry. All empty: nobody in particular.
struct Credentials {
  std::string username, password;
  std::string identity_token;  // exchanged for the registry's tokens, instead of the two

  bool empty() const { return username.empty() && password.empty() && identity_token.empty(); }
  bool operator==(const Credentials&) const = default;
};

class DockerConfig {
 public:
  // `source` names the text in errors, which never show what is secret. kInvalid: no such file's content.
  static Result<DockerConfig> parse(std::string_view text, const std::string& source);
  // The file itself, or the one of these names in that folder: .dockerconfigjson, config.json, .dockercfg.
  // Links are followed: that is how Kubernetes mounts secrets. kNotFound: there is none.
  static Result<DockerConfig> load(const std::string& path);

  // Of the entry that names the most of REGISTRY/REPOSITORY; `*.example.org` names any one label, as kubelets
  // take it. Nothing: no entry. kUnsupported: a helper program keeps them, and what to do.
  Result<Credentials> find(std::string_view registry, std::string_view repository) const;

 private:
  struct Entry {
    std::string host, path;  // "" or "team/credit"
    Credentials credentials;
  };
  struct Helper {
    std::string host, program;
  };
  std::string source_;
  std::vector<Entry> entries_;
  std::vector<Helper> helpers_;
  std::string store_;  // the program that keeps those whose entry is empty
};

// The host that docker.io's names mean.
inline constexpr std::string_view kDockerHub = "registry-1.docker.io";
bool is_docker_hub(std::string_view registry);

}  // namespace slipway::oci
