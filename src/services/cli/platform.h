// Which platform a command talks to: that of the data folder, unless the command line says otherwise.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/cli/command.h"
#include "system/kube/client.h"
#include "system/oci/client.h"

namespace slipway::cli {

// --data, $SLIPWAY_DATA, $XDG_DATA_HOME/slipway, or ~/.local/share/slipway.
std::string data_folder(const std::string& option);

// --kubeconfig, else those of $KUBECONFIG, else ~/.kube/config.
std::vector<std::string> kubeconfig_files_of(const Arguments& arguments);

// --data, --kubeconfig, --context, -n.
std::vector<Option> platform_options();
// The same before the command's own.
std::vector<Option> with_platform(std::vector<Option> own);

// What answers at a platform's address: our own server, or a cluster's API server.
enum class Where : uint8_t { kMachine, kCluster };

struct ServerFacts {
  Where where = Where::kMachine;
  std::string version;  // "v1.37.2"; ours: "0.9.0"
};
// From what /version says. kInvalid when it is not the answer of an API server. Pure.
Result<ServerFacts> parse_server_facts(std::string_view version_json);

// How the command line came to its platform: errors say what to do about it.
enum class Chosen : uint8_t { kByData, kByFile, kByContext };

struct Platform {
  kube::Access access;
  std::string data;  // the data folder, whoever is talked to
  Chosen chosen = Chosen::kByData;
  std::string file;  // that --kubeconfig names

  std::unique_ptr<kube::Client> client(kube::ManagedFields fields = kube::ManagedFields::kDropped) const;
  // The registry beside the API of one machine: control's own.
  Result<std::unique_ptr<oci::RegistryClient>> registry(oci::ClientOptions options) const;

  // Asked for at most once, and of the data folder's own platform not at all. One thread at a time.
  Result<Where> where() const;
  Result<ServerFacts> server() const;

  // The data folder's platform, or the context and its server: "context prod (https://10.0.0.1:6443)".
  std::string str() const;
  // The options that lead there again: "--context prod", " " in front; empty for the data folder's.
  std::string options() const;
  // The error as a person should read it: the object, what is wrong field by field, the next step.
  std::string explain(const kube::ApiError& error) const;
  Error explained(const kube::ApiError& error) const { return {error.error.code, explain(error)}; }

  mutable std::optional<ServerFacts> asked = {};  // what server() found
};

// Warnings are said on standard error, unless who asks again and again wants none. kNotFound: nothing runs
// here yet, and how to start it; or there is no such context, and which there are.
enum class Warnings : uint8_t { kSaid, kIgnored };
Result<Platform> find_platform(const Arguments& arguments, Warnings warnings = Warnings::kSaid);

}  // namespace slipway::cli
