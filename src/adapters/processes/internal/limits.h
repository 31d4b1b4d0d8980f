// How a replica is held to its share of the machine: by a control group of its own where we may make one,
// else by as many threads as processors, a look at its memory, and RLIMIT_DATA as the last resort. Never by
// what kills a healthy process.
//
// Threads: one at a time.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"
#include "values/domain/revision.h"

namespace slipway::processes {

// What a process is started with.
struct Granted {
  std::vector<std::string> enter;  // of os::ProcessOptions
  uint64_t data_bytes = 0;
  int threads = 0;  // 0: as many as there are processors
};

class Limits {
 public:
  enum class Groups : uint8_t { kWhereWritable, kNever };
  // `place`: the name of the groups that we make, below our own: one per data folder.
  static Limits find(Groups groups, const std::string& place);

  const std::string& text() const { return text_; }
  // Makes the group of that name, when a limit is asked for. kDenied: it cannot be set.
  Result<Granted> grant(const std::string& name, const domain::ServingSettings& settings) const;
  // After the process has ended.
  void release(const std::string& name) const;
  // Whether the kernel ended something in that group because its memory was used up.
  bool ran_out_of_memory(const std::string& name) const;
  // Without groups, whoever grows has to be watched.
  bool must_watch() const { return groups_.empty(); }

 private:
  // The folder below which a controller's groups are made: one for all in version 2.
  struct Group {
    std::string folder;
    bool cpu = false, memory = false;
    int version = 2;
  };
  static bool prepare(const Group& group);
  static std::optional<Group> tried(Group group);
  static std::vector<Group> usable(const std::string& place);
  static std::optional<Group> usable_v1(const std::string& place, std::string_view controller);
  static std::optional<Group> usable_v2(const std::string& place);
  static Status set(const Group& group, const std::string& folder, const domain::ServingSettings& settings);

  std::vector<Group> groups_;
  std::string text_;
};

// Pure: what a process gets without a group.
Granted grant_without_group(const domain::ServingSettings& settings, int processors);

// What this machine, or the group that we are in, has.
uint64_t machine_memory();

// Of a process now, 0 when it cannot be seen.
uint64_t resident_bytes(pid_t pid);

}  // namespace slipway::processes
