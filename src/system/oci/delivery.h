// A model version brought from a registry by its digest, as a folder that can be served.
#pragma once

#include <functional>
#include <string>

#include "system/oci/client.h"

namespace slipway::oci {

struct DeliveryOptions {
  std::string into;                            // a folder; made when it is missing
  std::string cache;                           // a folder that others use too (blob_cache.h); empty: none
  std::function<void(std::string_view)> warn;  // of a cache that cannot be used; may be empty
  std::function<void(uint64_t)> on_size;       // what is to come, in bytes; may be empty
};

// <into>/<digest's hex>/ as make_model_folder() makes it: the version's files and manifest.json, whole or not
// at all. Each file is held against its digest while it is written. Called again, after a kill too, it goes
// on where it was; when the folder is there and is what its manifest says, it asks nobody. Two at the same
// time bring it once.
//
// kInvalid: what the registry gave is not what the digests say; of nothing else. kUnsupported: no model, or
// one that we do not take. kExhausted: no room.
Result<std::string> deliver(RegistryClient& registry, const std::string& repository, const Digest& digest,
                            const DeliveryOptions& options);

}  // namespace slipway::oci
