#include "system/http/prober.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "system/http/address.h"

namespace slipway::http {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kQuestion = "GET /observed HTTP/1.1\r\nhost: slipway\r\n\r\n";
constexpr size_t kAnswerBytes = 4 << 20;

bool equals_lower(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower,
                            [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

std::optional<size_t> length_of(std::string_view head) {
  for (size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
    const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !equals_lower(line.substr(0, colon), "content-length")) continue;
    const size_t digits = std::min(line.find_first_not_of(" \t", colon + 1), line.size());
    size_t length = 0;
    const auto [end, error] = std::from_chars(line.data() + digits, line.data() + line.size(), length);
    if (error == std::errc{} && end == line.data() + line.size()) return length;
    return std::nullopt;
  }
  return std::nullopt;
}

// Closed by the other side, or with bytes that nobody asked for.
bool has_ended(int connection) {
  char byte = 0;
  const ssize_t got = ::recv(connection, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

}  // namespace

Result<std::optional<std::string>> read_answer(std::string_view bytes) {
  constexpr std::string_view kOk = "HTTP/1.1 200 ";
  if (bytes.substr(0, kOk.size()) != kOk.substr(0, bytes.size()))
    return fail(Code::kInvalid, "it does not answer with 200");
  const size_t head = bytes.find("\r\n\r\n");
  if (head == std::string_view::npos) {
    if (bytes.size() > kAnswerBytes) return fail(Code::kTooLarge, "its answer is too large");
    return std::optional<std::string>();
  }
  const auto length = length_of(bytes.substr(0, head));
  if (!length || *length > kAnswerBytes)
    return fail(Code::kInvalid, "its answer has no length, or is too large");
  const std::string_view body = bytes.substr(head + 4);
  if (body.size() > *length) return fail(Code::kInvalid, "it says more than it was asked");
  return body.size() == *length ? std::optional(std::string(body)) : std::optional<std::string>();
}

Prober::Connect Prober::sockets_in(const std::string& folder) {
  // Of the folder, for paths that are too long.
  const auto opened =
      std::make_shared<os::Descriptor>(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  return [folder, opened](const std::string& listener) -> Result<os::Descriptor> {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string path = folder + "/" + listener;
    if (path.size() >= sizeof address.sun_path)
      path = fmt::format("/proc/self/fd/{}/{}", opened->get(), listener);
    if (path.size() >= sizeof address.sun_path) return fail(Code::kInvalid, "{}: too long", path);
    std::memcpy(address.sun_path, path.data(), path.size());
    os::Descriptor out(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!out.valid() ||
        ::connect(out.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return fail(Code::kUnavailable, "{}: {}", path, os::errno_text(errno));
    return out;
  };
}

Prober::Connect Prober::by_address() {
  return [](const std::string& listener) -> Result<os::Descriptor> {
    const auto parsed = parse_address(listener);
    if (!parsed) return fail(parsed.error());
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<uint16_t>(parsed->port));
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = v4.sin_port;
    const bool is_v4 = ::inet_pton(AF_INET, parsed->host.c_str(), &v4.sin_addr) == 1;
    if (!is_v4 && ::inet_pton(AF_INET6, parsed->host.c_str(), &v6.sin6_addr) != 1)
      return fail(Code::kInvalid, "{} is no IP address", listener);
    const auto* to = is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
    os::Descriptor out(::socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const bool begun =
        out.valid() && (::connect(out.get(), to, is_v4 ? sizeof v4 : sizeof v6) == 0 || errno == EINPROGRESS);
    if (!begun) return fail(Code::kUnavailable, "{}: {}", listener, os::errno_text(errno));
    return out;
  };
}

void Prober::end(Talk& talk) {
  talk.connection.close();
  talk.state = Talk::State::kQuiet;
}

// False: the connection is of no use.
bool Prober::send_question(Talk& talk) {
  const auto sent = ::send(talk.connection.get(), kQuestion.data(), kQuestion.size(), MSG_NOSIGNAL);
  const bool waits = sent < 0 && (errno == EAGAIN || errno == ENOTCONN || errno == EINPROGRESS);
  talk.state = waits ? Talk::State::kConnecting : Talk::State::kAsked;
  return waits || sent == static_cast<ssize_t>(kQuestion.size());
}

void Prober::begin(const std::string& listener, Talk& talk) {
  talk.fresh = false;
  if (talk.state == Talk::State::kConnecting) return;
  if (talk.state == Talk::State::kAsked && !hear(talk)) return;  // the old question is open still
  if (talk.state == Talk::State::kAnswered) {
    talk.late = false;
    talk.older = std::move(talk.input);
  }
  // A kept connection may have ended, with whoever it led to or after its last answer; a new one that fails
  // now fails.
  const bool kept = talk.connection.valid() && !has_ended(talk.connection.get());
  for (int attempt = kept ? 0 : 1; attempt < 2; ++attempt) {
    if (attempt == 1) {
      auto connected = connect_(listener);
      if (!connected) break;
      talk.connection = std::move(*connected);
    }
    talk.input.clear();
    if (!send_question(talk)) continue;
    talk.fresh = true;
    return;
  }
  end(talk);
}

bool Prober::hear(Talk& talk) {
  std::array<char, 16384> bytes;
  for (;;) {
    const ssize_t got = ::recv(talk.connection.get(), bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    if (got > 0) talk.input.append(bytes.data(), static_cast<size_t>(got));
    auto body = got > 0 ? read_answer(talk.input) : fail(Code::kUnavailable, "it closed the connection");
    if (body && !*body) continue;
    talk.state = body ? Talk::State::kAnswered : Talk::State::kQuiet;
    if (body)
      talk.input = std::move(**body);
    else
      talk.connection.close();
    return true;
  }
}

void Prober::wait(TimePoint deadline) {
  for (;;) {
    std::vector<pollfd> waits;
    std::vector<Talk*> talks;
    bool in_time = false;
    for (auto& [listener, talk] : talks_) {
      const bool connects = talk.state == Talk::State::kConnecting;
      if (talk.state != Talk::State::kAsked && !connects) continue;
      const short events = connects ? POLLOUT : POLLIN;
      waits.push_back({.fd = talk.connection.get(), .events = events, .revents = 0});
      talks.push_back(&talk);
      in_time = in_time || !talk.late;
    }
    const Duration left = deadline - std::chrono::steady_clock::now();
    if (!in_time || left <= 0s) return;
    if (::poll(waits.data(), waits.size(), static_cast<int>(left / 1ms) + 1) < 0 && errno != EINTR) return;
    for (size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].revents == 0) continue;
      if (talks[i]->state == Talk::State::kAsked)
        hear(*talks[i]);
      else if (!send_question(*talks[i]))
        end(*talks[i]);
    }
  }
}

void Prober::close_others(std::span<const std::string> listeners) {
  std::erase_if(talks_, [&](const auto& each) {
    return std::find(listeners.begin(), listeners.end(), each.first) == listeners.end();
  });
}

std::map<std::string, ProbeAnswer> Prober::ask(std::span<const std::string> listeners, Duration patience) {
  close_others(listeners);
  for (const std::string& listener : listeners) begin(listener, talks_[listener]);
  wait(std::chrono::steady_clock::now() + patience);
  std::map<std::string, ProbeAnswer> out;
  for (auto& [listener, talk] : talks_) {
    if (talk.older) out[listener] = {.body = std::move(*talk.older)};
    if (talk.state == Talk::State::kAnswered) {
      out[listener] = {.body = std::move(talk.input), .fresh = talk.fresh};
      talk.state = Talk::State::kQuiet;
      talk.late = false;
    }
    talk.older.reset();
    talk.late = talk.late || talk.state == Talk::State::kAsked || talk.state == Talk::State::kConnecting;
  }
  return out;
}

}  // namespace slipway::http
