#include "adapters/processes/testing/machine.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "adapters/processes/internal/told.h"
#include "system/os/files.h"

namespace slipway::processes::testing {

using environment::Behaviour;
using namespace std::chrono_literals;

namespace {

constexpr Duration kMoment = 2ms;
constexpr Duration kEndPatience = 20s;

std::string_view word_for(Behaviour behaviour) {
  switch (behaviour) {
    case Behaviour::kUnservable:
      return "unservable";
    case Behaviour::kNeverReady:
      return "never ready";
    default:
      return "serves";
  }
}

}  // namespace

Machine::Machine(std::string child, std::string data) : data_(std::move(data)), guest_(!data_.empty()) {
  if (!guest_) {
    data_ = (std::filesystem::temp_directory_path() / "slipway-machine-XXXXXX").string();
    if (::mkdtemp(data_.data()) == nullptr) std::abort();
  }
  options_.data = data_;
  options_.command = {std::move(child), "serve"};
  options_.fetch = [this](const domain::RevisionSpec& revision) -> Result<std::string> {
    const std::string folder = files_of(revision.name);
    if (std::filesystem::exists(folder + "/nothing"))
      return fail(Code::kUnavailable, "no files of {}", revision.name);
    std::filesystem::create_directories(folder);
    return folder;
  };
  options_.patience = options_.first_patience = 5s;  // a slow machine is no fault of a replica
  options_.control_groups = Options::Groups::kNever;
}

Machine::~Machine() {
  if (guest_) return;
  for (const auto& entry : std::filesystem::directory_iterator(data_ + "/run")) {
    if (entry.path().extension() != ".lock") continue;
    if (auto process = os::Process::adopt_holder(entry.path().string())) {
      static_cast<void>(process->signal(SIGKILL));
      process->end_within(kEndPatience);
    }
  }
  std::filesystem::remove_all(data_);
}

std::unique_ptr<environment::Environment> Machine::open() {
  auto opened = Processes::open(options_, clock_);
  EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
  return opened ? std::move(*opened) : nullptr;
}

std::string Machine::files_of(const std::string& revision) const { return data_ + "/files/" + revision; }

int Machine::running() const {
  int count = 0;
  const std::string files = data_ + "/files/";
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    // A stream would throw for a process that ends in between.
    std::string words(4096, '\0');
    std::FILE* file = std::fopen((entry.path() / "cmdline").c_str(), "r");
    words.resize(file ? std::fread(words.data(), 1, words.size(), file) : 0);
    if (file) std::fclose(file);
    count += words.find(files) != std::string::npos;
  }
  return count;
}

void Machine::behave(const std::string& revision, Behaviour behaviour) {
  const std::string folder = files_of(revision);
  std::filesystem::create_directories(folder);
  std::filesystem::remove(folder + "/nothing");
  if (behaviour == Behaviour::kNoFiles) std::ofstream(folder + "/nothing") << "";
  std::ofstream(folder + "/behaviour") << word_for(behaviour);
}

std::string Machine::lock(const std::string& replica) const {
  return Files{.data = data_}.lock(replica_id(replica));
}

std::optional<os::Process> Machine::process(const std::string& replica) const {
  return os::Process::adopt_holder(lock(replica));
}

void Machine::kill(const std::string& replica) {
  auto running = process(replica);
  ASSERT_TRUE(running) << replica << " does not run";
  ASSERT_TRUE(running->signal(SIGKILL));
  running->end_within(kEndPatience);
}

int Machine::starts(const std::string& replica) {
  const auto name = parse_replica_name(replica);
  const std::string path = files_of(name->revision) + "/starts/" + replica_id(replica) + ".lock";
  const std::string text = os::read_file(path, 1 << 20).value_or("");
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

// Real processes take real time.
void Machine::moment() {
  std::this_thread::sleep_for(kMoment);
  clock_.advance(kMoment);
}

}  // namespace slipway::processes::testing
