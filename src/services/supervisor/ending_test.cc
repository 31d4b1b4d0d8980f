#include "services/supervisor/ending.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "services/supervisor/where.h"
#include "system/os/file_lock.h"

namespace slipway::supervisor {
namespace {

class Ending : public testing::Test {
 protected:
  Ending() {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    EXPECT_TRUE(prepare(data()));
  }
  ~Ending() override {
    for (const pid_t pid : started_) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }

  const std::string& data() const { return folder_; }
  std::string run(const std::string& name) const { return data() + "/run/" + name; }

  // A process that holds that lock until it is told to end.
  pid_t hold(const std::string& part) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      const auto lock = os::FileLock::take(lock_of(data(), part));
      const char held = lock ? 'y' : 'n';
      if (::write(ends[1], &held, 1) != 1) ::_exit(1);
      while (true) ::pause();
    }
    char held = 0;
    EXPECT_EQ(::read(ends[0], &held, 1), 1);
    EXPECT_EQ(held, 'y');
    ::close(ends[0]);
    ::close(ends[1]);
    started_.push_back(pid);
    return pid;
  }
  std::string text(const std::string& name, pid_t pid) const {
    return fmt::format("{} (process {})", name, pid);
  }
  std::vector<std::string> end_it() const {
    std::vector<std::string> said;
    end_all(data(), [&](const std::string& what) { said.push_back(what); });
    return said;
  }

  std::string folder_ = "/tmp/slipway_supervisor_XXXXXX";
  std::vector<pid_t> started_;
};

TEST_F(Ending, OfTheGatewayThenControlThenReplicasByTheirNames) {
  const pid_t replica = hold("0123456789abcdef");
  std::ofstream(run("0123456789abcdef.lock")) << "credit-1-8f2a1c40-0\n";
  const pid_t nameless = hold("fedcba9876543210");
  const pid_t control = hold("control"), gateway = hold("gateway");
  const std::vector<Running> running = running_in(data());
  ASSERT_EQ(running.size(), 4U);
  EXPECT_EQ(running.front().name, "gateway");
  std::vector<std::string> said = end_it();
  ASSERT_EQ(said.size(), 4U);
  EXPECT_EQ(said[0], text("gateway", gateway));
  EXPECT_EQ(said[1], text("control", control));
  std::sort(said.begin() + 2, said.end());
  EXPECT_EQ(said[2], text("credit-1-8f2a1c40-0", replica));
  EXPECT_EQ(said[3], text("fedcba9876543210", nameless));
  EXPECT_TRUE(running_in(data()).empty());
}

TEST_F(Ending, NeverOfTheSupervisor) {
  const pid_t supervisor = hold("supervisor");
  EXPECT_TRUE(end_it().empty());
  EXPECT_EQ(::waitpid(supervisor, nullptr, WNOHANG), 0);
}

TEST_F(Ending, RemovesSocketsAndLeavesLocksAndWhatWasTold) {
  for (const char* name : {"gateway.fd", "gateway.admin.sock", "0123456789abcdef.sock"}) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    const std::string path = run(name);
    ASSERT_LT(path.size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, path.data(), path.size());
    const os::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  for (const char* name : {"control.lock", "credit-1-8f2a1c40.json", "up.json", "file.sock"})
    std::ofstream(run(name)) << "x";
  EXPECT_TRUE(end_it().empty());
  std::vector<std::string> left;
  for (const auto& each : std::filesystem::directory_iterator(data() + "/run"))
    left.push_back(each.path().filename());
  std::sort(left.begin(), left.end());
  EXPECT_EQ(left, (std::vector<std::string>{"control.lock", "credit-1-8f2a1c40.json", "file.sock"}));
}

TEST_F(Ending, OfNothingInAFolderThatIsNotThere) {
  end_all(data() + "/none", [](const std::string& what) { FAIL() << what; });
  EXPECT_FALSE(std::filesystem::exists(data() + "/none"));
}

}  // namespace
}  // namespace slipway::supervisor
