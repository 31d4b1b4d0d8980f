// The environment of one machine: replicas are processes that outlive whoever started them.
//
//   auto environment = Processes::open(options, clock);
//   loops over (*environment)->observe() and apply()
//
// Files below `<data>`: `run/<revision>.json` says what was told; a replica's `run/<id>.lock` names who runs,
// `run/<id>.sock` is where it answers and `run/<id>.admin.sock` where it tells of itself;
// `logs/<replica>.log` is its own. Nothing else is remembered: another instance over the same folder finds
// all that runs. One instance at a time has a folder (control's lock sees to that).
//
// Threads: as the port says; `fetch` is called from a thread of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/environment/environment.h"
#include "system/runtime/clock.h"

namespace slipway::processes {

// Brings a revision's files here and gives their folder. kInvalid: they are not what their digests say. May
// take its time.
using Fetch = std::function<Result<std::string>(const domain::RevisionSpec&)>;

struct Options {
  std::string data;                  // the data folder
  std::vector<std::string> command;  // {"/path/slipway", "serve"}: a replica's options are added
  Fetch fetch;
  Duration drain_quiet = std::chrono::seconds(2);
  Duration drain_deadline = std::chrono::seconds(30);
  Duration patience = std::chrono::milliseconds(150);       // for what all say of themselves, together
  Duration first_patience = std::chrono::seconds(1);        // the same, of those that were found running
  Duration hanging_after = std::chrono::seconds(10);        // of silence
  Duration kill_hanging_after = std::chrono::seconds(60);   // and then it is started again
  Duration found_for = std::chrono::seconds(30);            // before what runs and was never told is stopped
  Duration replace_again_after = std::chrono::minutes(10);  // what is near its memory limit, of a revision
  uint64_t log_bytes = 16 << 20;                            // a larger log is moved aside at a start
  size_t old_logs = 200;                                    // of revisions that have gone, that are kept
  uint64_t memory_bytes = 0;                                // of all replicas; 0: what the machine has
  enum class Groups : uint8_t { kWhereWritable, kNever } control_groups = Groups::kWhereWritable;
};

class Processes final : public environment::Environment {
 public:
  // kDenied: the folder cannot be written to.
  static Result<std::unique_ptr<Processes>> open(Options options, const runtime::Clock& clock);
  ~Processes() override;  // what runs goes on

  Result<domain::Observation> observe() override;
  environment::Applied apply(const domain::Action& action) override;
  bool publishes_endpoints() const override { return false; }
  std::string limits_text() const override;

 private:
  class World;
  explicit Processes(std::unique_ptr<World> world);
  std::unique_ptr<World> world_;
};

}  // namespace slipway::processes
