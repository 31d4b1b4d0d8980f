#include "services/supervisor/ending.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "services/supervisor/where.h"
#include "system/os/files.h"

namespace slipway::supervisor {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 35s;  // a server's own deadline for its drain is 30 s
constexpr Duration kNewcomer = 50ms;
constexpr size_t kMostFiles = 100'000;
constexpr uint64_t kNameLimit = 256;
constexpr std::string_view kLock = ".lock";

std::string run(const std::string& data, const std::string& name) { return data + "/run/" + name; }

// A replica's lock file holds its name.
std::string replica_name(const std::string& lock, const std::string& id) {
  auto name = os::read_file(lock, kNameLimit);
  while (name && name->ends_with('\n')) name->pop_back();
  return name && !name->empty() ? *name : id;
}

std::vector<Running> replicas_of(const std::string& data) {
  std::vector<Running> out;
  const auto files = os::list_folder(data + "/run", kMostFiles);
  if (!files) return out;
  for (const os::FolderEntry& file : *files) {
    if (!file.name.ends_with(kLock)) continue;
    const std::string id = file.name.substr(0, file.name.size() - kLock.size());
    if (id == "control" || id == "gateway" || id == "supervisor") continue;
    const std::string lock = run(data, file.name);
    if (auto holder = os::Process::adopt_holder(lock))
      out.push_back({.name = replica_name(lock, id), .process = std::move(*holder)});
  }
  return out;
}

// All are asked at once and share the time that they have.
void end(std::vector<Running> all, const Say& say) {
  for (const Running& each : all) static_cast<void>(each.process.signal(SIGTERM).has_value());
  for (Running& each : all) {
    if (!each.process.end_within(kPatience)) {
      static_cast<void>(each.process.signal(SIGKILL).has_value());
      static_cast<void>(each.process.end_within(kPatience).has_value());
    }
    say(text_of(each));
  }
}

bool end_part(const std::string& data, const std::string& name, const Say& say) {
  auto holder = os::Process::adopt_holder(lock_of(data, name));
  if (!holder) return false;
  std::vector<Running> one;
  one.push_back({.name = name, .process = std::move(*holder)});
  end(std::move(one), say);
  return true;
}

// Sockets of those who could not remove them. Locks stay: they are nobody's, and a new file at their place
// could be locked beside the old one.
void remove_left(const std::string& data) {
  for (const char* left : {"gateway.fd", "up.json"}) ::unlink(run(data, left).c_str());
  const auto files = os::list_folder(data + "/run", kMostFiles);
  if (!files) return;
  for (const os::FolderEntry& file : *files)
    if (file.kind == os::EntryKind::kOther && file.name.ends_with(".sock"))
      ::unlink(run(data, file.name).c_str());
}

}  // namespace

std::string text_of(const Running& running) {
  return fmt::format("{} (process {})", running.name, running.process.pid());
}

std::vector<Running> running_in(const std::string& data) {
  std::vector<Running> out;
  for (const char* name : {"gateway", "control"})
    if (auto holder = os::Process::adopt_holder(lock_of(data, name)))
      out.push_back({.name = name, .process = std::move(*holder)});
  std::ranges::move(replicas_of(data), std::back_inserter(out));
  return out;
}

void end_all(const std::string& data, const Say& say) {
  end_part(data, "gateway", say);
  // One that control had just started holds its lock a moment later.
  if (end_part(data, "control", say)) ::usleep(static_cast<useconds_t>(kNewcomer / 1us));
  for (auto replicas = replicas_of(data); !replicas.empty(); replicas = replicas_of(data))
    end(std::move(replicas), say);
  remove_left(data);
}

}  // namespace slipway::supervisor
