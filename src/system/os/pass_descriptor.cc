#include "system/os/pass_descriptor.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

namespace slipway::os {
namespace {

constexpr int kBacklog = 8;
constexpr int kNoneFreeMs = 50;
constexpr timeval kPatience{2, 0};  // of the server, with a peer that does not take

// One byte goes along: a descriptor does not travel alone.
struct Parcel {
  char byte = 'd';
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};

  Parcel() {
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
  }
};

Result<sockaddr_un> name_of(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof name.sun_path)
    return fail(Code::kInvalid, "{}: a socket's path has at most 107 bytes", path);
  std::memcpy(name.sun_path, path.data(), path.size());
  return name;
}

}  // namespace

Status send_descriptor(const Descriptor& socket, int descriptor) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != ::geteuid())
    return fail(Code::kDenied, "who asks for a descriptor is another user");
  Parcel parcel;
  cmsghdr* header = CMSG_FIRSTHDR(&parcel.message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
  if (::sendmsg(socket.get(), &parcel.message, MSG_NOSIGNAL) == 1) return ok();
  return fail(Code::kUnavailable, "a descriptor cannot be sent: {}", errno_text(errno));
}

Result<Descriptor> receive_descriptor(const Descriptor& socket) {
  Parcel parcel;
  if (::recvmsg(socket.get(), &parcel.message, MSG_CMSG_CLOEXEC) != 1)
    return fail(Code::kUnavailable, "no descriptor came");
  const cmsghdr* header = CMSG_FIRSTHDR(&parcel.message);
  if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
    return fail(Code::kInvalid, "what came is no descriptor");
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof(int));
  return Descriptor(descriptor);
}

class DescriptorServer::Serving {
 public:
  Serving(std::string path, Descriptor listener, Descriptor given)
      : path_(std::move(path)),
        listener_(std::move(listener)),
        given_(std::move(given)),
        stop_(::eventfd(0, EFD_CLOEXEC)),
        thread_([this] { serve(); }) {}
  ~Serving() {
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
    ::unlink(path_.c_str());
  }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

 private:
  void serve() const {
    ::pthread_setname_np(::pthread_self(), "descriptors");
    while (true) {
      std::array<pollfd, 2> both{{{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
      if (::poll(both.data(), both.size(), -1) < 0 && errno != EINTR) return;
      if (both[1].revents != 0) return;
      const Descriptor peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer.valid()) {
        // Whoever waits stays in the queue; without a free descriptor there is no sense in looking at once.
        ::poll(&both[1], 1, kNoneFreeMs);
        continue;
      }
      ::setsockopt(peer.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
      static_cast<void>(send_descriptor(peer, given_.get()).has_value());
    }
  }

  const std::string path_;
  const Descriptor listener_, given_, stop_;
  std::thread thread_;
};

DescriptorServer::DescriptorServer(std::unique_ptr<Serving> serving) : serving_(std::move(serving)) {}
DescriptorServer::~DescriptorServer() = default;

Result<std::unique_ptr<DescriptorServer>> DescriptorServer::start(const std::string& path, int descriptor) {
  const auto name = name_of(path);
  if (!name) return fail(name.error());
  ::unlink(path.c_str());
  Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  Descriptor copy(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  if (!listener.valid() || !copy.valid() ||
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&*name), sizeof *name) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(listener.get(), kBacklog) != 0)
    return fail(Code::kDenied, "{}: {}", path, errno_text(errno));
  return std::unique_ptr<DescriptorServer>(
      new DescriptorServer(std::make_unique<Serving>(path, std::move(listener), std::move(copy))));
}

Result<Descriptor> ask_for_descriptor(const std::string& path, Duration patience) {
  const auto name = name_of(path);
  if (!name) return fail(name.error());
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(patience).count();
  const timeval limit{us / 1'000'000, us % 1'000'000};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (!socket.valid() ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*name), sizeof *name) != 0)
    return fail(Code::kUnavailable, "{}: {}", path, errno_text(errno));
  return receive_descriptor(socket);
}

}  // namespace slipway::os
