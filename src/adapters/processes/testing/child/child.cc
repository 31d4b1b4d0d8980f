// What stands for `slipway serve` in tests of this room: takes the same options, holds the lock, says
// /observed on its admin socket, and does what the file `behaviour` in its model's folder says: "serves",
// "unservable" or "never ready". Every start is a line in `<folder>/starts/<lock's name>`.
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include "system/os/file_lock.h"
#include "system/os/files.h"
#include "values/domain/observed.h"

namespace {

using namespace slipway;
using domain::RevisionState;

constexpr int kDrainPolls = 20, kPollMillis = 5;  // how long it drains

std::map<std::string, std::string> options_of(int argc, char** argv) {
  std::map<std::string, std::string> out;
  for (int i = 2; i + 1 < argc; i += 2) out[argv[i]] = argv[i + 1];
  return out;
}

int listen_at(const std::string& address) {
  const std::string path = address.substr(std::strlen("unix:"));
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (path.size() >= sizeof to.sun_path) return -1;
  std::memcpy(to.sun_path, path.data(), path.size());
  ::unlink(path.c_str());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool listens =
      ::bind(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 && ::listen(fd, 16) == 0;
  return listens ? fd : -1;
}

// NAME:VERSION=FOLDER
domain::ObservedRevision revision_of(std::map<std::string, std::string>& options, std::string& folder) {
  const std::string& model = options["--model"];
  const size_t equals = model.find('='), colon = model.find(':');
  folder = model.substr(equals + 1);
  return {.revision = options["--revision"],
          .model = model.substr(0, colon),
          .version = std::stoll(model.substr(colon + 1)),
          .digest = options["--expect-digest"],
          .state = RevisionState::kLoading};
}

void note_start(const std::string& folder, const std::string& lock) {
  std::filesystem::create_directories(folder + "/starts");
  std::ofstream(folder + "/starts/" + std::filesystem::path(lock).filename().string(), std::ios::app)
      << "+\n";
}

class Child {
 public:
  Child(domain::ObservedRevision revision, int signals, int admin) : revision_(std::move(revision)) {
    polled_ = {{.fd = signals, .events = POLLIN, .revents = 0},
               {.fd = admin, .events = POLLIN, .revents = 0}};
  }

  void become(RevisionState state) { revision_.state = state; }
  bool told_to_stop() const { return told_; }

  void poll(int millis) {
    if (::poll(polled_.data(), polled_.size(), millis) <= 0) return;
    if (polled_[0].revents != 0) take_signal();
    for (size_t i = 2; i < polled_.size(); ++i)
      if (polled_[i].revents != 0) answer(polled_[i].fd);
    if (polled_[1].revents != 0)
      polled_.push_back(
          {.fd = ::accept4(polled_[1].fd, nullptr, nullptr, SOCK_CLOEXEC), .events = POLLIN, .revents = 0});
  }

 private:
  void take_signal() {
    signalfd_siginfo info{};
    if (::read(polled_[0].fd, &info, sizeof info) != sizeof info) return;
    if (told_) {
      std::fprintf(stderr, "a second signal\n");  // ends a server at once
      ::_exit(130);
    }
    told_ = true;
  }

  void answer(int& fd) {
    char question[4096];
    if (::read(fd, question, sizeof question) <= 0) {
      ::close(fd);
      fd = -1;  // poll passes it over
      return;
    }
    const std::string body = domain::to_json(domain::Observed{.revisions = {revision_}});
    const std::string text =
        fmt::format("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}", body.size(), body);
    if (::send(fd, text.data(), text.size(), MSG_NOSIGNAL) < 0) std::perror("send");
  }

  domain::ObservedRevision revision_;
  std::vector<pollfd> polled_;  // signals, the admin listener, connections
  bool told_ = false;
};

int run(std::map<std::string, std::string> options) {
  const auto lock = os::FileLock::take(options["--lock"]);
  if (!lock) return lock.error().code == Code::kConflict ? 0 : 1;
  std::string folder;
  const auto revision = revision_of(options, folder);
  note_start(folder, options["--lock"]);
  sigset_t stop;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &stop, nullptr);
  const int admin = listen_at(options["--admin"]), main = listen_at(options["--listen"]);
  if (admin < 0 || main < 0) return 1;
  const std::string behaviour = os::read_file(folder + "/behaviour", 100).value_or("serves");
  if (behaviour == "unservable") {
    std::fprintf(stderr, "error: model %s: it is no model\n", revision.model.c_str());
    return 3;
  }
  Child child(revision, ::signalfd(-1, &stop, SFD_CLOEXEC), admin);
  if (behaviour != "never ready") child.become(RevisionState::kReady);
  while (!child.told_to_stop()) child.poll(-1);
  if (behaviour == "never ready") return 0;
  child.become(RevisionState::kDraining);
  for (int i = 0; i < kDrainPolls; ++i) child.poll(kPollMillis);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  ::alarm(600);  // a test that was killed leaves nobody behind for long
  return run(options_of(argc, argv));
}
