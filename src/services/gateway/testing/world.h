// What a gateway's tests are told from outside: deployments, slices, and replicas on sockets of their own.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ports/store/testing/scripted_store.h"
#include "values/domain/endpoint_slice.h"
#include "values/domain/model_deployment.h"

namespace slipway::gateway::testing {

// A folder for sockets and lists, gone with everything in it.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/slipway-gateway-XXXXXX";
};

struct Given {
  std::string revision;
  int64_t version = 1;
  int weight = 0;
};

// A deployment whose status has these revisions.
domain::ModelDeployment deployment(const std::string& name, const std::vector<Given>& revisions);
store::Object stored(const domain::ModelDeployment& deployment);

// The revision's replicas 0, 1, …, each at "<revision>-<n>.sock"; the first `ready` of them are.
store::Object slice(const std::string& revision, int ready, int others = 0);

}  // namespace slipway::gateway::testing
