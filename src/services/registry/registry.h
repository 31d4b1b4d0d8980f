// The OCI distribution API (1.1) over a layout: what skopeo, oras and `slipway push` speak.
//
// Threads: handle() is called on the loops of an http::Server. What waits for the disk runs on the executor;
// bodies come and go in pieces, so that a file of a gigabyte takes a few megabytes of memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "system/http/exchange.h"
#include "system/oci/layout.h"
#include "system/runtime/executor.h"

namespace slipway::registry {

// What a request under /v2/ asks for.
struct Asked {
  enum class What : uint8_t {
    kBase,
    kBlob,
    kUploads,
    kUpload,
    kManifest,
    kTags,
    kReferrers
  } what = What::kBase;
  std::string repository;
  std::string reference;  // a digest, a tag, or an upload's id
};

struct RegistryOptions {
  size_t piece_bytes = 1 << 20;  // of a body, written together
};

class Registry {
 public:
  // Both must outlive it.
  Registry(RegistryOptions options, oci::Layout& layout, runtime::Executor& executor);
  ~Registry();

  static bool is_ours(std::string_view path) { return path == "/v2" || path.starts_with("/v2/"); }
  // kNotFound for what is no path of the API; kInvalid for names that it does not allow.
  static Result<Asked> parse(std::string_view path);
  // What the method needs, for who decides whether it may: "registry.pull", "registry.push",
  // "registry.delete".
  static std::string_view permission(base::Method method);

  // Asks nobody: the caller has authorised the request.
  void handle(http::Exchange& exchange) const;
  // Refuses in the registry's form.
  static void refuse(http::Exchange& exchange, int status, std::string_view message);

 private:
  class Handlers;
  std::unique_ptr<Handlers> handlers_;
};

}  // namespace slipway::registry
