// What is counted of the talk with an API server, for whoever offers metrics: slipway_kube_requests_total by
// verb and code, and what had to be done again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "system/kube/resource.h"
#include "system/telemetry/metrics.h"

namespace slipway::kube {

enum class Verb : uint8_t { kGet, kList, kWatch, kCreate, kUpdate, kPatch, kDelete, kRead };
std::string_view name(Verb verb);  // get, list, …; kRead, of what is no object, is "read"

class ApiMetrics {  // thread-safe; the registry must outlive it
 public:
  explicit ApiMetrics(telemetry::Registry& registry);

  // `status` is HTTP's; 0: no answer came, which is counted as code "none".
  void answered(Verb verb, int status);
  // The server was too busy, and is asked again.
  void retried(Verb verb);
  // A watch opened another connection and went on where it was.
  void restarted(const Resource& resource);
  // A watch had to begin with everything again.
  void relisted(const Resource& resource);

 private:
  telemetry::Registry& registry_;
};

}  // namespace slipway::kube
