// Kubeconfig files: where an API server is, how to trust it, and who asks. Read as kubectl reads them, as far
// as we go: a server's CA and name, bearer tokens, client certificates, and files of these. What would need
// more (programs that make tokens, proxies, servers that nobody vouches for) is refused in words that say
// what to do instead.
//
// Threads: everything here may be called from any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"

namespace slipway::kube {

// What a context leads to, whole. A file wins over the text beside it, and may be replaced while we run.
struct Access {
  std::string context;
  std::string server;           // https://HOST[:PORT][/PREFIX], or http:// (nothing secret is sent then)
  std::string ca_pem, ca_file;  // neither: whom the system trusts
  std::string token;
  std::string token_file;
  std::string ns = "default";
  std::string certificate_pem, certificate_file;  // the client's, for servers that know people by them
  std::string key_pem, key_file;
  std::string server_name;  // whom the server's certificate has to be for; empty: the server's host
  std::string user_agent;   // what every request says of who sends it; empty: slipway/<version>

  bool operator==(const Access&) const = default;
};

// The files that $KUBECONFIG lists, or ~/.kube/config when it lists none.
std::vector<std::string> kubeconfig_files(std::string_view kubeconfig, std::string_view home);

struct LoadedAccess {
  Access access;
  std::vector<std::string> warnings;  // for people: a file that others can read, a token that is not sent
};
// The context of that name, or the current one when the name is empty. The first file that names a cluster, a
// user, a context or the current context wins; files that are not there are passed over. kNotFound when all
// are missing, or a name leads nowhere; kUnsupported as said above.
Result<LoadedAccess> load_access(std::span<const std::string> files, std::string_view context);

// What Kubernetes puts into every pod. `host` and `port` are $KUBERNETES_SERVICE_HOST and _PORT; kNotFound
// without them.
inline constexpr std::string_view kServiceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
Result<Access> pod_access(std::string_view host, std::string_view port,
                          const std::string& folder = std::string(kServiceAccountFolder));

// A kubeconfig with this one context, which is current.
Result<std::string> write_kubeconfig(const Access& access);
// `existing` (the text of the file `source`; may be empty) with a cluster, a user and a context named as our
// context is. What bears these names is replaced, everything else is kept, the current context too when there
// is one.
Result<std::string> merge_kubeconfig(std::string_view existing, std::string_view source,
                                     const Access& access);
// Replaces the file at once or not at all; 0600; folders are made (0700). A symbolic link stays: its target
// is replaced.
Status save_kubeconfig(const std::string& path, std::string_view text);

}  // namespace slipway::kube
