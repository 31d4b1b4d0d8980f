#include "system/http/address.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>

namespace slipway::http {
namespace {

constexpr int kBacklog = 4096;

std::optional<int> number(std::string_view text, int limit) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > limit)
    return std::nullopt;
  return value;
}

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(Code::kInvalid, "unix:{}: a socket's path has at most {} bytes; choose a shorter one", path,
                sizeof address.sun_path - 1);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

using Resolved = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

Result<Resolved> resolve(const Address& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(address.port);
  const int error = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &list);
  // A name may come to be known later: a cluster's services do.
  const bool later = error == EAI_AGAIN || error == EAI_NONAME || error == EAI_FAIL || error == EAI_SYSTEM;
  if (error != 0)
    return fail(later ? Code::kUnavailable : Code::kInvalid, "{}: {}", address.str(), ::gai_strerror(error));
  return Resolved(list, ::freeaddrinfo);
}

tl::unexpected<Error> listen_error(const Address& address, int error) {
  if (error == EADDRINUSE)
    return fail(Code::kConflict, "{} is in use; stop what listens there or choose another address",
                address.str());
  return fail(Code::kInvalid, "cannot listen on {}: {}", address.str(), std::strerror(error));
}

Result<int> listen_tcp(const Address& address) {
  const auto resolved = resolve(address);
  if (!resolved) return fail(resolved.error());
  const addrinfo* to = resolved->get();
  const int fd = ::socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
  if (fd < 0) return listen_error(address, errno);
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (::bind(fd, to->ai_addr, to->ai_addrlen) == 0 && ::listen(fd, kBacklog) == 0) return fd;
  const int error = errno;
  ::close(fd);
  return listen_error(address, error);
}

// A socket file that nobody listens on any more is a dead server's, and is replaced. Anything else of that
// name refuses connections too, and is somebody's.
bool is_dead(const sockaddr_un& address) {
  struct stat facts{};
  if (::lstat(address.sun_path, &facts) != 0 || !S_ISSOCK(facts.st_mode)) return false;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  const int done = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const bool dead = done != 0 && errno == ECONNREFUSED;
  ::close(fd);
  return dead;
}

Result<int> listen_unix(const Address& address) {
  const auto to = unix_address(address.path);
  if (!to) return fail(to.error());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return listen_error(address, errno);
  if (is_dead(*to)) ::unlink(address.path.c_str());
  // The file is made with the socket's own mode: nobody else can connect, not even for a moment.
  if (::fchmod(fd, 0600) == 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&*to), sizeof *to) == 0 &&
      ::listen(fd, kBacklog) == 0)
    return fd;
  const int error = errno;
  ::close(fd);
  return listen_error(address, error);
}

Result<int> take_descriptor(const Address& address) {
  int listening = 0;
  socklen_t size = sizeof listening;
  if (::getsockopt(address.descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0)
    return fail(Code::kInvalid, "{} is not a listening socket", address.str());
  ::fcntl(address.descriptor, F_SETFL, ::fcntl(address.descriptor, F_GETFL) | O_NONBLOCK);
  return address.descriptor;
}

bool finish_connect(int fd, int timeout_ms) {
  pollfd wait{.fd = fd, .events = POLLOUT, .revents = 0};
  int error = ETIMEDOUT;
  socklen_t size = sizeof error;
  if (::poll(&wait, 1, timeout_ms) == 1) ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  errno = error;
  return error == 0;
}

// This machine, or what is reachable on its link alone; also where a v4 address stands in a v6 one.
bool stays_near(const sockaddr& to) {
  uint32_t four = 0;
  if (to.sa_family == AF_INET) {
    four = ntohl(reinterpret_cast<const sockaddr_in&>(to).sin_addr.s_addr);
  } else {
    const in6_addr& six = reinterpret_cast<const sockaddr_in6&>(to).sin6_addr;
    if (IN6_IS_ADDR_LOOPBACK(&six) || IN6_IS_ADDR_UNSPECIFIED(&six) || IN6_IS_ADDR_LINKLOCAL(&six) ||
        IN6_IS_ADDR_MULTICAST(&six))
      return true;
    if (!IN6_IS_ADDR_V4MAPPED(&six) && !IN6_IS_ADDR_V4COMPAT(&six)) return false;
    std::memcpy(&four, &six.s6_addr[12], sizeof four);
    four = ntohl(four);
  }
  return four >> 24 == 127 || four >> 24 == 0 || four >> 16 == 0xA9FE || four >> 28 >= 14;
}

Result<int> connect_socket(const Address& address, const sockaddr* to, socklen_t size, int timeout_ms) {
  const int fd = ::socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
  bool connected = fd >= 0 && ::connect(fd, to, size) == 0;
  if (!connected && fd >= 0 && errno == EINPROGRESS) connected = finish_connect(fd, timeout_ms);
  if (!connected) {
    const int error = errno;
    if (fd >= 0) ::close(fd);
    return fail(Code::kUnavailable, "cannot connect to {}: {}", address.str(), std::strerror(error));
  }
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  if (to->sa_family != AF_UNIX) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

}  // namespace

std::string Address::str() const {
  if (kind == Kind::kUnix) return "unix:" + path;
  if (kind == Kind::kDescriptor) return fmt::format("fd:{}", descriptor);
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

Result<Address> parse_address(std::string_view text) {
  Address address;
  if (text.starts_with("unix:")) {
    address.kind = Address::Kind::kUnix;
    address.path = text.substr(5);
    if (address.path.empty()) return fail(Code::kInvalid, "address 'unix:' names no path");
    return address;
  }
  if (text.starts_with("fd:")) {
    const auto fd = number(text.substr(3), 1 << 20);
    if (!fd) return fail(Code::kInvalid, "address '{}' is not fd:NUMBER", text);
    address.kind = Address::Kind::kDescriptor;
    address.descriptor = *fd;
    return address;
  }
  const size_t colon = text.rfind(':');
  const auto port = colon == std::string_view::npos ? std::nullopt : number(text.substr(colon + 1), 65535);
  std::string_view host = text.substr(0, std::min(colon, text.size()));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (!port || host.empty())
    return fail(Code::kInvalid, "address '{}' is not HOST:PORT, unix:PATH or fd:NUMBER", text);
  address.host = host;
  address.port = *port;
  return address;
}

bool is_local(const Address& address) {
  if (address.kind != Address::Kind::kTcp) return true;
  in_addr four{};
  // By the number, not by the text: 127.example.org is a name, and may lead anywhere.
  if (::inet_pton(AF_INET, address.host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  return address.host == "localhost" || address.host == "::1";
}

Result<int> listen_on(const Address& address) {
  switch (address.kind) {
    case Address::Kind::kTcp:
      return listen_tcp(address);
    case Address::Kind::kUnix:
      return listen_unix(address);
    case Address::Kind::kDescriptor:
      break;
  }
  return take_descriptor(address);
}

Result<int> connect_to(const Address& address, int timeout_ms, Reach reach) {
  if (address.kind == Address::Kind::kDescriptor)
    return fail(Code::kInvalid, "{} cannot be connected to", address.str());
  if (address.kind == Address::Kind::kUnix) {
    const auto to = unix_address(address.path);
    if (!to) return fail(to.error());
    if (reach == Reach::kOtherMachines)
      return fail(Code::kDenied, "{} leads to this machine, which is not allowed here", address.str());
    return connect_socket(address, reinterpret_cast<const sockaddr*>(&*to), sizeof *to, timeout_ms);
  }
  const auto resolved = resolve(address);
  if (!resolved) return fail(resolved.error());
  Result<int> fd = fail(Code::kUnavailable, "{} has no address", address.str());
  for (const addrinfo* to = resolved->get(); to != nullptr && !fd; to = to->ai_next)
    fd = reach == Reach::kOtherMachines && stays_near(*to->ai_addr)
             ? Result<int>(fail(Code::kDenied,
                                "{} leads to this machine or to its own link, which is not allowed here",
                                address.str()))
             : connect_socket(address, to->ai_addr, to->ai_addrlen, timeout_ms);
  return fd;
}

Result<Address> bound_address(int fd) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0)
    return fail(Code::kInvalid, "getsockname: {}", std::strerror(errno));
  Address address;
  if (name.ss_family == AF_UNIX) {
    address.kind = Address::Kind::kUnix;
    address.path = reinterpret_cast<const sockaddr_un*>(&name)->sun_path;
    return address;
  }
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  ::getnameinfo(reinterpret_cast<const sockaddr*>(&name), size, host.data(), host.size(), port.data(),
                port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  address.host = host.data();
  address.port = number(port.data(), 65535).value_or(0);
  return address;
}

}  // namespace slipway::http
