// Which platform a command talks to: that of the data folder, unless the command line says otherwise.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/cli/command.h"
#include "system/kube/client.h"
#include "system/oci/client.h"

namespace slipway::cli {

// --data, $SLIPWAY_DATA, $XDG_DATA_HOME/slipway, or ~/.local/share/slipway.
std::string data_folder(const std::string& option);

// --data, --kubeconfig, --context, -n.
std::vector<Option> platform_options();
// The same before the command's own.
std::vector<Option> with_platform(std::vector<Option> own);

struct Platform {
  kube::Access access;
  std::string data;  // the data folder, whoever is talked to

  std::unique_ptr<kube::Client> client() const;
  // The registry beside the API: control's own.
  Result<std::unique_ptr<oci::RegistryClient>> registry(oci::ClientOptions options) const;
};

// Warnings are said on standard error, unless who asks again and again wants none. kNotFound: nothing runs
// here yet, and how to start it.
enum class Warnings : uint8_t { kSaid, kIgnored };
Result<Platform> find_platform(const Arguments& arguments, Warnings warnings = Warnings::kSaid);

// The error as a person should read it: the object, what is wrong field by field, the next step.
std::string explain(const kube::ApiError& error);

}  // namespace slipway::cli
