// The supervisor of one data folder: keeps the gateway's listening socket, and control and gateway running.
//
//   auto supervisor = Supervisor::start(options, clock);    // adopts what runs, starts what does not
//   supervisor->wait_ready(30s);
//   … until a signal: supervisor->wait(signals); …
//   supervisor->stop();                                      // or not: all goes on without it
//
// One thread.
#pragma once

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "services/supervisor/part.h"
#include "system/http/address.h"
#include "system/os/file_lock.h"
#include "system/runtime/clock.h"

namespace slipway::supervisor {

struct Options {
  std::string data;           // the data folder
  std::string program;        // the slipway that the parts are
  http::Address listen;       // the gateway's
  std::string gateway_admin;  // empty: its Unix socket alone
  std::string api, api_admin;
  std::vector<std::string> flags;  // that both parts get: --allow-plaintext
};

// Who holds the folder, when another supervisor does: kConflict of start().
class Supervisor {
 public:
  static Result<std::unique_ptr<Supervisor>> start(Options options, const runtime::Clock& clock);
  ~Supervisor();

  // Until both say that they are ready. kUnavailable: one ended, with its last words; kTimeout.
  Status wait_ready(Duration patience);
  // Starts what ended; returns after a signal of the set.
  void wait(const sigset_t& signals);
  // Ends the parts and every replica of the folder, the gateway first: it answers what it has.
  void stop();

  const http::Address& listening() const { return listening_; }
  // Where control listens, once it does: there again when it is started again, whatever port was asked for.
  void keep_api_at(const std::string& address);

 private:
  Supervisor(Options options, os::FileLock lock, const runtime::Clock& clock);
  Status take_socket();
  Status begin();
  PartOptions control_part() const;
  PartOptions gateway_part() const;
  void reap_strangers();

  const Options options_;
  const os::FileLock lock_;
  const runtime::Clock& clock_;
  http::Address listening_;
  os::Descriptor socket_;
  std::unique_ptr<Part> control_, gateway_;
};

// What a folder's parts are called and where they are.
std::string lock_of(const std::string& data, const std::string& part);
std::string admin_of(const std::string& data, const std::string& part);

// Ends everything that runs in the folder, whoever started it: what `down` does when no supervisor lives.
// Names of what was ended.
std::vector<std::string> end_all(const std::string& data);

}  // namespace slipway::supervisor
