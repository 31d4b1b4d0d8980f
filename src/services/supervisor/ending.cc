// The end of everything that runs in a data folder, by its locks: exactly that, and nothing else.
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "services/supervisor/supervisor.h"
#include "system/os/files.h"

namespace slipway::supervisor {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 35s;  // a server's own deadline for its drain is 30 s
constexpr size_t kMostFiles = 100'000;
constexpr std::string_view kLock = ".lock";

// Every holder of a lock in run/ but control's, the gateway's and the supervisor's.
std::vector<os::Process> replicas_of(const std::string& data) {
  std::vector<os::Process> out;
  const auto files = os::list_folder(data + "/run", kMostFiles);
  if (!files) return out;
  for (const os::FolderEntry& file : *files) {
    if (!file.name.ends_with(kLock)) continue;
    const std::string name = file.name.substr(0, file.name.size() - kLock.size());
    if (name == "control" || name == "gateway" || name == "supervisor") continue;
    if (auto holder = os::Process::adopt_holder(data + "/run/" + file.name))
      out.push_back(std::move(*holder));
  }
  return out;
}

void end_replicas(const std::string& data, std::vector<std::string>& ended) {
  std::vector<os::Process> replicas = replicas_of(data);
  for (const os::Process& each : replicas) static_cast<void>(each.signal(SIGTERM).has_value());
  for (os::Process& each : replicas)
    if (!each.end_within(kPatience)) static_cast<void>(each.signal(SIGKILL).has_value());
  if (!replicas.empty()) ended.push_back(fmt::format("{} replicas", replicas.size()));
}

}  // namespace

std::vector<std::string> end_all(const std::string& data) {
  std::vector<std::string> ended;
  // The gateway first: it answers what it has. Control next, so that it starts no replica again.
  for (const char* name : {"gateway", "control"}) {
    Part part({.name = name, .lock = lock_of(data, name), .admin = {}, .process = {}});
    if (part.stop(kPatience)) ended.emplace_back(name);
  }
  end_replicas(data, ended);
  for (const char* left :
       {"/run/gateway.fd", "/run/gateway.admin.sock", "/run/control.admin.sock", "/run/up.json"})
    ::unlink((data + left).c_str());
  return ended;
}

}  // namespace slipway::supervisor
