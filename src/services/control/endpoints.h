// Where replicas answer, as EndpointSlices that gateways watch: one for each revision, written from what is
// observed, where the environment does not publish them itself. One thread.
#pragma once

#include <map>
#include <string>

#include "ports/store/store.h"
#include "values/domain/observation.h"

namespace slipway::control {

class Endpoints {
 public:
  Endpoints(std::string space, store::Store& store) : space_(std::move(space)), store_(store) {}

  // Writes what differs from what was published. A failure is worth another try at the next observation.
  Status publish(const domain::Observation& observation);

 private:
  Status write(const domain::Object& object);
  Status remove(const std::string& revision);

  const std::string space_;
  store::Store& store_;
  std::map<std::string, std::string> published_;  // by revision: the content
};

}  // namespace slipway::control
