// An upload that is open: the file, and the hash of what is in it so far.
#pragma once

#include "system/oci/layout.h"

namespace slipway::oci {

struct Layout::Upload {
  runtime::Mutex mutex;
  os::Descriptor file SLIPWAY_GUARDED_BY(mutex);
  base::Sha256 hash SLIPWAY_GUARDED_BY(mutex);
  uint64_t size SLIPWAY_GUARDED_BY(mutex) = 0;
  bool ended SLIPWAY_GUARDED_BY(mutex) = false;
};

}  // namespace slipway::oci
