// Registries that are not the platform's own: where they are, and with whose credentials they are asked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/cli/command.h"
#include "services/cli/models.h"
#include "system/oci/client.h"

namespace slipway::cli {

struct RegistryAccess {
  std::vector<std::string> docker_configs;  // files, or folders that hold one; the first that knows it wins
  std::string ca_file;                      // of CAs that are trusted besides the machine's
  oci::PlainHttp plain_http = oci::PlainHttp::kThisMachineOnly;
};

// --docker-config, --ca-file, --plain-http after the command's own.
std::vector<Option> with_registry(std::vector<Option> own);
// The user's own configuration ($DOCKER_CONFIG, else ~/.docker) when there is one, unless --docker-config
// says otherwise.
RegistryAccess registry_access(const Arguments& arguments);

// On Docker Hub a repository of one word is below `library/`, as docker has it.
void complete_name(Artifact& artifact);

// Where the artifact lies, ready to be asked. A registry on this machine is asked without TLS when it speaks
// none; any other one only where that is allowed.
Result<std::unique_ptr<oci::RegistryClient>> open_registry(const Artifact& artifact,
                                                           const RegistryAccess& access,
                                                           oci::ClientOptions options);

}  // namespace slipway::cli
