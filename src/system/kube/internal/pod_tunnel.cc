#include "system/kube/internal/pod_tunnel.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "system/http/client.h"
#include "system/kube/resource.h"

namespace slipway::kube::internal {
namespace {

constexpr std::string_view kProtocol = "v4.channel.k8s.io";
constexpr int kSwitched = 101;
constexpr size_t kPieceBytes = 32 << 10;
constexpr size_t kMostHeld = 256 << 10;  // of what the local side does not take
constexpr char kData = 0, kError = 1;

// The server's address is parsed again by open(): what is wrong with it is said there.
http::Url url_of(const Access& access) {
  auto url = http::parse_url(access.server);
  return url ? std::move(*url) : http::Url{};
}

Result<std::string> path_of(const PodPort& target) {
  auto path = object_path({{.group = "", .version = "v1", .plural = "pods"}, target.ns, target.pod});
  if (!path) return path;
  return *path + "/portforward" + Query().add("ports", std::to_string(target.port)).str();
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

PodTunnel::PodTunnel(const Access& access, http::ClientOptions options, PodPort target)
    : target_(std::move(target)), server_(access.server), socket_(url_of(access), std::move(options)) {}

Reply<void> PodTunnel::open() {
  if (auto url = http::parse_url(server_); !url) return refuse(url.error());
  const auto path = path_of(target_);
  if (!path) return refuse(path.error());
  const auto answer = socket_.open({.target = *path, .headers = {{"user-agent", "slipway"}}}, kProtocol);
  if (!answer) return refuse(answer.error());
  if (answer->status != kSwitched)
    return refuse(read_error(*answer, fmt::format("GET {}{}", server_, path->substr(0, path->find('?')))));
  return {};
}

bool PodTunnel::full() const { return to_local_.size() - given_ >= kMostHeld; }

Status PodTunnel::take_from_pod() {
  while (!full()) {
    const auto message = socket_.receive();
    if (!message) return fail(message.error());
    if (!*message) return ok();
    if (Status heeded = heed(**message); !heeded) return heeded;
  }
  return ok();
}

Status PodTunnel::heed(std::string_view message) {
  if (message.empty()) return ok();
  const char channel = message.front();
  message.remove_prefix(1);
  if (channel != kData && channel != kError)
    return fail(Code::kInvalid, "{}: bytes of a channel that was not opened", target_.str());
  // Each channel begins with the port's number.
  if (bool& heard = channel == kData ? heard_data_ : heard_error_; !heard) {
    heard = true;
    return ok();
  }
  if (channel == kError && !message.empty())
    return fail(Code::kUnavailable, "{}: {}", target_.str(), message.substr(0, 1024));
  if (channel == kData) to_local_ += message;
  return ok();
}

void PodTunnel::give_to_local(int local) {
  while (given_ < to_local_.size()) {
    const ssize_t put = ::send(local, to_local_.data() + given_, to_local_.size() - given_, MSG_NOSIGNAL);
    if (put < 0 && would_block()) return;
    if (put <= 0) local_gone_ = true;  // as it may: nobody is told
    if (put <= 0) return;
    given_ += static_cast<size_t>(put);
  }
  to_local_.clear();
  given_ = 0;
}

Status PodTunnel::take_from_local(int local) {
  std::array<char, kPieceBytes> piece{};
  piece[0] = kData;
  while (!local_ended_ && socket_.is_open() && socket_.wants_more()) {
    const ssize_t got = ::recv(local, piece.data() + 1, piece.size() - 1, 0);
    if (got < 0 && would_block()) return ok();
    if (got <= 0) {
      local_ended_ = true;
      return ok();
    }
    if (Status sent = socket_.send({piece.data(), static_cast<size_t>(got) + 1}); !sent) return sent;
  }
  return ok();
}

PodTunnel::Pace PodTunnel::pace(bool was_full) const {
  const bool all_given = given_ == to_local_.size();
  if (local_gone_ || (!socket_.is_open() && all_given)) return Pace::kEnd;
  // TLS may hold bytes that no event will tell of.
  return was_full && !full() ? Pace::kGoOn : Pace::kWait;
}

Result<PodTunnel::Pace> PodTunnel::wait(int local, int linger_ms) {
  pollfd waiting[2] = {{.fd = socket_.is_open() && !full() ? socket_.descriptor() : -1,
                        .events = socket_.is_open() ? socket_.events() : short{0},
                        .revents = 0},
                       {.fd = local, .events = 0, .revents = 0}};
  if (full() && socket_.is_open() && (socket_.events() & POLLOUT) != 0) {
    waiting[0].fd = socket_.descriptor();
    waiting[0].events = POLLOUT;
  }
  if (!local_ended_ && socket_.is_open() && socket_.wants_more()) waiting[1].events |= POLLIN;
  if (given_ < to_local_.size()) waiting[1].events |= POLLOUT;
  if (waiting[1].events == 0) waiting[1].fd = -1;  // else its end would be told without end
  const int ready = ::poll(waiting, 2, local_ended_ ? linger_ms : -1);
  if (ready < 0 && errno != EINTR) return fail(Code::kInternal, "poll: {}", os::errno_text(errno));
  return ready == 0 ? Pace::kEnd : Pace::kGoOn;
}

Status PodTunnel::carry(int local, int linger_ms) {
  while (true) {
    const bool was_full = full();
    if (Status taken = take_from_pod(); !taken) return taken;
    const bool is_full = full();
    give_to_local(local);
    if (Status taken = take_from_local(local); !taken) return taken;
    if (Status flushed = socket_.flush(); !flushed) return flushed;
    Pace next = pace(was_full || is_full);
    if (next == Pace::kWait) {
      const auto waited = wait(local, linger_ms);
      if (!waited) return fail(waited.error());
      next = *waited;
    }
    if (next == Pace::kEnd) break;
  }
  socket_.close();
  return ok();
}

}  // namespace slipway::kube::internal
