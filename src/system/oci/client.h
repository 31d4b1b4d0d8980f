// Pushing to and pulling from a registry, file by file, with little memory whatever their size. Breaks of the
// connection are mended by going on where the registry says that it is. What it asks for with a 401 is
// answered (Basic, or a token of the server that it names); redirects of what is read are followed, without
// credentials where they lead to another host. One thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "system/http/client.h"
#include "system/oci/docker_config.h"
#include "system/oci/manifest.h"
#include "system/oci/names.h"
#include "system/os/files.h"
#include "values/base/time.h"

namespace slipway::oci {

// Who asks, and how. kAllowed: also token servers and redirects may be plain, and get what is secret.
enum class PlainHttp : uint8_t { kThisMachineOnly, kAllowed };
struct Access {
  Credentials credentials;
  std::vector<std::pair<std::string, std::string>> headers;  // sent to the registry with each request
  PlainHttp plain_http = PlainHttp::kThisMachineOnly;
};

struct ClientOptions {
  int attempts = 5;                           // of a broken-off transfer, with pauses that grow
  std::function<void(uint64_t)> on_progress;  // bytes that went over since the last call
  Access access;
  std::function<void(Duration)> sleep;  // for the pauses; empty: the thread sleeps
};

// What a blob is known by.
struct Content {
  Digest digest;
  uint64_t size = 0;
};
using Take = std::function<Status(std::string_view)>;

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
  // Its digest is computed here, and held against the reference when that is one (kInvalid, of nothing else).
  Result<Pulled> pull_manifest(const std::string& repository, const Reference& reference);
  // Gives the bytes piece by piece. kInvalid: they are not what digest and size say; of nothing else.
  Status pull_blob(const std::string& repository, const Content& content, const Take& take);
  // The same from that byte on, for who has those before it and holds the whole against its digest. kInvalid:
  // it has another size.
  Status pull_bytes(const std::string& repository, const Content& content, uint64_t from, const Take& take);

 private:
  class Transfer;
  std::unique_ptr<Transfer> transfer_;
};

}  // namespace slipway::oci
