// What a gateway's tests are told from outside: deployments, slices, and replicas on sockets of their own.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/store/testing/scripted_store.h"
#include "services/gateway/gateway.h"
#include "system/http/client.h"
#include "system/http/server.h"
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

// One that answers at "<name>.sock": who it is, and the target that it was asked for, unless told otherwise.
class Replica {
 public:
  using Act = std::function<void(http::Exchange&)>;

  Replica(const Folder& folder, std::string name, const runtime::Clock& clock, Act act = nullptr);
  ~Replica() { stop(); }
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  int asked() const { return asked_; }
  void stop();

 private:
  const std::string name_, path_;
  const Act act_;
  std::atomic<int> asked_{0};
  std::unique_ptr<http::Server> server_;
};

// A gateway of one loop over a store and replicas that the test plays.
class GatewayTest : public ::testing::Test {
 protected:
  enum class TakeIn : uint8_t { kAtOnce, kLater };
  void start(Options options = {.listen = {}, .catch_up = {}}, TakeIn when = TakeIn::kAtOnce);
  // What was put into the store is what requests are sent by, when it returns.
  void take_in() { gateway_->step(now_ += std::chrono::seconds(2)); }
  Replica& replica(const std::string& name, Replica::Act act = nullptr);

  std::unique_ptr<http::Client> client() const;
  http::Response ask(const http::Request& request) const;
  http::Response get(const std::string& target) const { return ask({.target = target}); }
  http::Response infer(std::string_view body = "{}", const std::string& deployment = "credit") const;
  http::Response admin(const std::string& target) const;
  // A sample of /metrics, such as "slipway_gateway_retries_total"; "none" when there is none.
  std::string sample(const std::string& name) const;

  Folder folder_;
  runtime::RealClock clock_;
  store::ScriptedStore store_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::unique_ptr<Gateway> gateway_;
  TimePoint now_;
};

}  // namespace slipway::gateway::testing
