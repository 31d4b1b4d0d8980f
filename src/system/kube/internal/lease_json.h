// coordination.k8s.io/v1 Lease, as far as an election needs it.
#pragma once

#include <string>
#include <string_view>

#include "system/kube/object.h"
#include "system/kube/resource.h"
#include "values/base/time.h"

namespace slipway::kube::internal {

inline const Resource kLeases{"coordination.k8s.io", "v1", "leases"};

struct LeaseRecord {
  std::string holder;  // empty: nobody
  int64_t duration_seconds = 0;
  std::string acquired, renewed;  // micro_time()
  int64_t transitions = 0;

  bool operator==(const LeaseRecord&) const = default;
};

// kInvalid when it is no Lease. What is absent is empty; durations and transitions that make no sense are 0.
Result<LeaseRecord> read_lease(std::string_view json);
// `base` with that record: everything else that stands in it is kept, its resourceVersion too.
std::string write_lease(std::string_view base, const LeaseRecord& record);
// A lease without a record, to be made.
std::string new_lease(std::string_view ns, std::string_view name);

// What Kubernetes calls MicroTime: RFC 3339 with exactly six digits of a second.
std::string micro_time(WallTime time);

}  // namespace slipway::kube::internal
