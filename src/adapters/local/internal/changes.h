// What a write makes of what is there: pure.
#pragma once

#include "ports/store/store.h"

namespace slipway::local {

struct Write {
  enum class Verb : uint8_t { kCreate, kUpdate, kUpdateStatus, kRemove };
  Verb verb = Verb::kCreate;
  store::Object object;  // key alone for kRemove; key and status for kUpdateStatus
  store::Precondition seen;
  store::Cause cause;
};

std::string_view name(Write::Verb verb);

// What the system gives to an object when it is made.
struct Birth {
  std::string uid, created;
};

// The object that the write leads to (for kRemove: the object as it was), without its new version; null when
// nothing changes. The errors are those of the port.
Result<store::ObjectPtr> decide(const Write& write, const store::ObjectPtr& current, const Birth& birth);

}  // namespace slipway::local
