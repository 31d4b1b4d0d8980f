// An upload: the file, and the hash of what is in it so far.
#pragma once

#include "system/oci/layout.h"

namespace slipway::oci {

struct Layout::Upload {
  enum class State : uint8_t {
    kOnDisk,  // of an earlier run: what it holds was not hashed yet
    kOpen,
    kEnded,  // finished, cancelled or given up: nobody may write to the file any more
  };

  // Ready to be appended to: hashes again what an earlier run left. kNotFound when it has ended.
  Status open(const os::Folder& folder, const std::string& id) SLIPWAY_REQUIRES(mutex);

  runtime::Mutex mutex;
  State state SLIPWAY_GUARDED_BY(mutex) = State::kOnDisk;
  os::Descriptor file SLIPWAY_GUARDED_BY(mutex);
  base::Sha256 hash SLIPWAY_GUARDED_BY(mutex);
  uint64_t size SLIPWAY_GUARDED_BY(mutex) = 0;
};

std::string upload_path(const std::string& id);
// Only what begin_upload() makes becomes part of a path.
bool is_upload_id(const std::string& id);

}  // namespace slipway::oci
