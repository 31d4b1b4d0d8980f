// What install and uninstall share: whom they talk to, and how they say what they did.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/cli/command.h"
#include "services/cli/install_apply.h"

namespace slipway::cli::internal {

// --kubeconfig, --context, -n, before the command's own: a cluster is named, the data folder is not meant.
std::vector<Option> with_cluster(std::vector<Option> own);

struct Cluster {
  std::unique_ptr<kube::Client> client;
  std::string ns;  // -n, else the context's
};
// kInvalid when neither --context nor --kubeconfig says which; kUnsupported when it is one machine.
Result<Cluster> find_cluster(const Arguments& arguments);

// What is done, line by line for people or as one document at the end.
class Report {
 public:
  Report(const Arguments& arguments, kube::DryRun dry_run);
  void add(const Changed& changed);
  void say(const std::string& line) const;  // to people alone
  // The document, where that was asked for.
  void finish() const;

 private:
  const bool as_json_;
  const kube::DryRun dry_run_;
  std::vector<Changed> all_;
};

}  // namespace slipway::cli::internal
