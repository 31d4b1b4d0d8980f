// Asks many admin listeners for /observed at once, over connections that are kept: at rest a
// question costs two system calls.
//
// A question that is not answered in time stays open, and nobody waits for it again: one that hangs costs its
// patience once, not at every pass.
//
// Threads: one at a time.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "system/os/descriptor.h"
#include "values/base/result.h"
#include "values/base/time.h"

namespace slipway::http {

struct ProbeAnswer {
  std::string body;
  // Asked for in this pass, not in an earlier one: what it says was so a moment ago.
  bool fresh = false;
};

class Prober {
 public:
  // Makes a non-blocking socket out of a listener's name: connected, or about to be.
  using Connect = std::function<Result<os::Descriptor>(const std::string& listener)>;
  // Names are those of sockets in this folder, however long its path is.
  static Connect sockets_in(const std::string& folder);
  // Names are IP:PORT or [IP]:PORT.
  static Connect by_address();

  explicit Prober(Connect connect) : connect_(std::move(connect)) {}

  // Gives what came within `patience`, by listener. Connections to listeners that are not asked are closed.
  std::map<std::string, ProbeAnswer> ask(std::span<const std::string> listeners, Duration patience);

 private:
  struct Talk {
    os::Descriptor connection;
    std::string input;
    std::optional<std::string> older;  // the answer to the question of an earlier pass
    // Connecting: the question goes out when that is done.
    enum class State : uint8_t { kQuiet, kConnecting, kAsked, kAnswered } state = State::kQuiet;
    bool late = false;   // not waited for: it did not answer in an earlier pass
    bool fresh = false;  // the question is of this pass
  };
  void begin(const std::string& listener, Talk& talk);
  static bool send_question(Talk& talk);
  static void end(Talk& talk);
  // Takes what has come. True: the talk has nothing more to wait for in this pass.
  static bool hear(Talk& talk);
  void wait(TimePoint deadline);
  void close_others(std::span<const std::string> listeners);

  const Connect connect_;
  std::map<std::string, Talk> talks_;
};

// Pure: an answer's body, once it is there as a whole. Nothing: more has to come. kInvalid: it is no answer
// of a listener of ours with status 200 and a length.
Result<std::optional<std::string>> read_answer(std::string_view bytes);

}  // namespace slipway::http
