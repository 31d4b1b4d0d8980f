// The supervisor of one data folder: keeps the gateway's listening socket, and control and gateway running.
//
//   auto supervisor = Supervisor::start(options, lock, clock);  // adopts what runs, starts what does not
//   supervisor->wait_ready(30s, signals);
//   … until a signal: supervisor->wait(signals); …
//   supervisor->stop();                                          // or not: all goes on without it
//
// One thread.
#pragma once

#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "services/supervisor/ending.h"
#include "services/supervisor/part.h"
#include "system/http/address.h"
#include "system/os/file_lock.h"
#include "system/runtime/clock.h"

namespace slipway::supervisor {

struct Options {
  std::string data;      // the data folder
  std::string program;   // the slipway that the parts are
  http::Address listen;  // the gateway's, when none runs
  // Of a gateway that runs already: at home wherever it listens, or there alone.
  enum class Where : uint8_t { kAnywhere, kThere } where = Where::kAnywhere;
  std::string gateway_admin;  // empty: its Unix socket alone
  std::string api, api_admin;
  std::string told;                // what control was told last of where the gateway is; may be empty
  std::vector<std::string> flags;  // that both parts get: --allow-plaintext
};

class Supervisor {
 public:
  // `lock` is the folder's: it says that nobody else supervises it. When it fails, nothing runs afterwards
  // that did not run before.
  static Result<std::unique_ptr<Supervisor>> start(Options options, os::FileLock lock,
                                                   const runtime::Clock& clock);
  ~Supervisor();

  // Until both say that they are ready. kUnavailable: one ended, with its last words, or one of the signals
  // came; kTimeout.
  Status wait_ready(Duration patience, const sigset_t& signals);
  // Starts what ended; returns after a signal of the set.
  void wait(const sigset_t& signals);
  // Ends the parts and every replica of the folder, the gateway first: it answers what it has.
  void stop();
  // Ends what was started here and leaves what was found: of a start that failed.
  void undo();

  const http::Address& listening() const { return listening_; }
  // Where control listens, once it does: there again when it is started again, whatever port was asked for.
  void keep_api_at(const std::string& address);
  bool found_gateway() const { return gateway_ && !gateway_->is_ours(); }
  bool found_control() const { return control_ && !control_->is_ours(); }

 private:
  Supervisor(Options options, os::FileLock lock, const runtime::Clock& clock);
  Status take_socket();
  Status adopt_socket();
  Status begin();
  PartOptions control_part() const;
  PartOptions gateway_part() const;
  void reap_strangers();
  static bool has_children();

  const Options options_;
  const os::FileLock lock_;
  const runtime::Clock& clock_;
  http::Address listening_;
  os::Descriptor socket_;
  std::unique_ptr<Part> control_, gateway_;
  bool found_ = false;  // something that ran already
};

}  // namespace slipway::supervisor
