// A data folder of its own, with the environment over it, whose replicas are real but small processes
// (child/child.cc). Everything that runs there ends with it.
#pragma once

#include <memory>
#include <string>

#include "adapters/processes/processes.h"
#include "ports/environment/testing/environment_contract.h"
#include "system/os/process.h"
#include "system/runtime/testing/manual_clock.h"

namespace slipway::processes::testing {

// The clock moves only by moment() and pass(), so that a slow machine makes nothing late.
class Machine final : public environment::World {
 public:
  explicit Machine(std::string child) : Machine(std::move(child), "") {}
  // Over the folder of another, who has it in the end.
  Machine(std::string child, std::string data);
  ~Machine() override;

  std::unique_ptr<environment::Environment> open() override;
  void behave(const std::string& revision, environment::Behaviour behaviour) override;
  void kill(const std::string& replica) override;
  int starts(const std::string& replica) override;
  void moment() override;
  void pass(Duration time) override { clock_.advance(time); }

  // The one that runs, by its lock.
  std::optional<os::Process> process(const std::string& replica) const;
  std::string lock(const std::string& replica) const;
  Options& options() { return options_; }  // of the next open()
  const std::string& data() const { return data_; }
  int running() const;  // processes that serve something of this folder
  const runtime::Clock& clock() const { return clock_; }

 private:
  std::string files_of(const std::string& revision) const;

  std::string data_;
  bool guest_ = false;
  runtime::testing::ManualClock clock_;
  Options options_;
};

}  // namespace slipway::processes::testing
