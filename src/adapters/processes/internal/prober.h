// Asks many admin listeners of this machine for /observed at once, over connections that are kept: at rest a
// question costs two system calls.
//
// A question that is not answered in time stays open, and nobody waits for it again: one that hangs costs its
// patience once, not at every pass.
//
// Threads: one at a time.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>

#include "system/os/descriptor.h"
#include "values/base/result.h"
#include "values/base/time.h"

namespace slipway::processes {

struct Answer {
  std::string body;
  // Asked for in this pass, not in an earlier one: what it says was so a moment ago.
  bool fresh = false;
};

class Prober {
 public:
  // Sockets are named below this folder, however long its path is.
  explicit Prober(const std::string& folder);

  // Gives what came within `patience`, by socket. Connections to sockets that are not asked are closed.
  std::map<std::string, Answer> ask(std::span<const std::string> sockets, Duration patience);

 private:
  struct Talk {
    os::Descriptor connection;
    std::string input;
    std::optional<std::string> older;  // the answer to the question of an earlier pass
    enum class State : uint8_t { kQuiet, kAsked, kAnswered } state = State::kQuiet;
    bool late = false;   // not waited for: it did not answer in an earlier pass
    bool fresh = false;  // the question is of this pass
  };
  void begin(const std::string& socket, Talk& talk);
  Status connect(const std::string& socket, Talk& talk) const;
  // Takes what has come. True: the talk has nothing more to wait for in this pass.
  static bool hear(Talk& talk);
  void wait(TimePoint deadline);
  void close_others(std::span<const std::string> sockets);

  std::string folder_;
  os::Descriptor opened_;  // of the folder, for paths that are too long
  std::map<std::string, Talk> talks_;
};

// Pure: an answer's body, once it is there as a whole. Nothing: more has to come. kInvalid: it is no answer
// of a listener of ours with status 200 and a length.
Result<std::optional<std::string>> read_answer(std::string_view bytes);

}  // namespace slipway::processes
