// The folder that everything of one machine lives in: who may use it now, and how its clients find it.
#pragma once

#include <memory>
#include <string>

#include "services/api/tokens.h"
#include "system/http/certificates.h"
#include "system/kube/kubeconfig.h"
#include "system/os/file_lock.h"

namespace slipway::app {

class DataFolder {
 public:
  // Makes the folder (0700) and takes its lock: one control a folder. kConflict names the process that has
  // it.
  static Result<DataFolder> open(const std::string& path);

  std::string database() const { return path_ + "/slipway.db"; }
  std::string models() const { return path_ + "/models"; }
  std::string kubeconfig() const { return path_ + "/kubeconfig"; }
  const std::string& path() const { return path_; }

  // The certificate of a server at these names, issued by the folder's own authority, which is made at the
  // first start. Renewed when a third of its time is left.
  Result<http::TlsIdentity> server_identity(std::span<const std::string> names, WallTime now) const;
  std::string authority_pem() const;

  // The token that clients send: the kubeconfig's, or a new one.
  Result<std::string> token() const;
  // Says where the server is: 0600, and not touched when it says so already.
  Status write_kubeconfig(const std::string& server, const std::string& token) const;

 private:
  DataFolder(std::string path, os::FileLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string pki(const std::string& name) const { return path_ + "/pki/" + name; }

  std::string path_;
  os::FileLock lock_;
};

}  // namespace slipway::app
