// Pushing to and pulling from a registry, file by file, with little memory whatever their size. Breaks of the
// connection are mended by going on where the registry says that it is. One thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "system/http/client.h"
#include "system/oci/manifest.h"
#include "system/oci/names.h"
#include "system/os/files.h"

namespace slipway::oci {

struct ClientOptions {
  int attempts = 5;                           // of a broken-off transfer, with pauses that grow
  std::function<void(uint64_t)> on_progress;  // bytes that went over since the last call
};

class RegistryClient {
 public:
  RegistryClient(http::Url url, http::ClientOptions http, ClientOptions options);
  ~RegistryClient();

  // Whether the registry has it.
  Result<bool> has_blob(const std::string& repository, const Digest& digest);
  // Sends the file's content unless it is there. `resume`: where a break of this process is remembered, so
  // that the next one goes on; a file's path, or empty. Gives the bytes that had to be sent.
  Result<uint64_t> push_blob(const std::string& repository, const os::OpenFile& file, const Digest& digest,
                             const std::string& resume);
  Result<uint64_t> push_text(const std::string& repository, std::string_view text);
  Status push_manifest(const std::string& repository, const Reference& reference, std::string_view text);

  // A tag, or a manifest with its tags. kNotFound: it is not there.
  Status remove_manifest(const std::string& repository, const Reference& reference);

  struct Pulled {
    std::string text;
    Digest digest;
  };
  // Its digest is computed here, and held against the reference when that is one.
  Result<Pulled> pull_manifest(const std::string& repository, const Reference& reference);
  // Gives the bytes piece by piece; kInvalid at the end when they were not what the digest says.
  Status pull_blob(const std::string& repository, const Digest& digest,
                   const std::function<Status(std::string_view)>& take);

 private:
  class Transfer;
  std::unique_ptr<Transfer> transfer_;
};

}  // namespace slipway::oci
