#include "caller.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace slipway::load {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kTimer = UINT64_MAX;
constexpr size_t kLargestAnswer = 4 << 20;

bool same_letters(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// The value of a header, of a head that ends with an empty line. Empty: it has none.
std::string_view header(std::string_view head, std::string_view name) {
  for (size_t line = head.find("\r\n"); line != std::string_view::npos; line = head.find("\r\n", line + 2)) {
    const std::string_view rest = head.substr(line + 2);
    if (rest.size() <= name.size() || rest[name.size()] != ':') continue;
    if (!same_letters(rest.substr(0, name.size()), name)) continue;
    std::string_view value = rest.substr(name.size() + 1);
    value = value.substr(0, value.find("\r\n"));
    return value.substr(std::min(value.find_first_not_of(' '), value.size()));
  }
  return {};
}

template <class T>
bool read_number(std::string_view text, T& into) {
  return std::from_chars(text.data(), text.data() + text.size(), into).ec == std::errc{};
}

}  // namespace

Caller::Caller(Options options, Tally& tally)
    : options_(std::move(options)),
      tally_(tally),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      connections_(options_.connections),
      next_due_(std::chrono::steady_clock::now()),
      gap_(static_cast<int64_t>(1e9 / options_.rate)) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kTimer}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, timer_.get(), &event);
  set_timer();
}

void Caller::set_timer() {
  const auto due = (finished_ ? next_look_ : next_due_).time_since_epoch();
  const itimerspec when{.it_interval = {}, .it_value = {.tv_sec = due / 1s, .tv_nsec = (due % 1s) / 1ns}};
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void Caller::finish() { finished_ = true; }

void Caller::step(Time now) {
  std::array<epoll_event, 64> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events.at(static_cast<size_t>(i));
    if (event.data.u64 != kTimer) handle(connections_[event.data.u64], event.events, now);
  }
  if (now >= next_look_) give_up_late_ones(now);
  send_due(now);
  set_timer();
}

void Caller::send_due(Time now) {
  for (; !finished_ && next_due_ <= now; next_due_ += gap_) {
    waiting_.push_back({.era = tally_.era(), .due = next_due_});
    tally_.sent();
  }
  for (Connection& each : connections_) {
    if (waiting_.empty()) return;
    if (each.busy || each.connecting) continue;
    const Sent request{.era = tally_.era(), .due = waiting_.front().due};
    waiting_.pop_front();
    send(each, request, now);
  }
}

Status Caller::connect(Connection& connection) {
  connection.socket = os::Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!connection.socket.valid()) return fail(Code::kExhausted, "{}", os::errno_text(errno));
  const int at_once = 1;
  ::setsockopt(connection.socket.get(), IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
  sockaddr_in to{.sin_family = AF_INET,
                 .sin_port = htons(static_cast<uint16_t>(options_.to.port)),
                 .sin_addr = {},
                 .sin_zero = {}};
  ::inet_pton(AF_INET, options_.to.host.c_str(), &to.sin_addr);
  const bool connected = ::connect(connection.socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  if (!connected && errno != EINPROGRESS) return fail(Code::kUnavailable, "{}", os::errno_text(errno));
  connection.connecting = !connected;
  const auto index = static_cast<uint64_t>(&connection - connections_.data());
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.u64 = index}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.socket.get(), &event);
  return {};
}

void Caller::send(Connection& connection, const Sent& request, Time now) {
  connection.busy = true;
  connection.request = request;
  connection.written = 0;
  connection.got.clear();
  if (!connection.socket.valid()) {
    if (Status connected = connect(connection); !connected) {
      lose(connection, "refused", now);
      return;
    }
  }
  if (!connection.connecting) write(connection, now);
}

void Caller::write(Connection& connection, Time now) {
  while (connection.written < options_.request.size()) {
    const auto sent = ::send(connection.socket.get(), options_.request.data() + connection.written,
                             options_.request.size() - connection.written, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) return lose(connection, "broken", now);
    connection.written += static_cast<size_t>(sent);
  }
}

void Caller::handle(Connection& connection, uint32_t events, Time now) {
  if (!connection.socket.valid()) return;
  if (connection.connecting) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) return lose(connection, "refused", now);
    if ((events & EPOLLOUT) == 0) return;
    connection.connecting = false;
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) read(connection, now);
  if (connection.busy && connection.socket.valid()) write(connection, now);
}

void Caller::read(Connection& connection, Time now) {
  std::array<char, 16384> bytes;
  for (;;) {
    const auto got = ::recv(connection.socket.get(), bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return lose(connection, "broken", now);
    connection.got.append(bytes.data(), static_cast<size_t>(got));
    if (!connection.busy || connection.got.size() > kLargestAnswer) return lose(connection, "framing", now);
    if (!take_answer(connection, now)) return;
  }
}

// False: the connection is gone.
bool Caller::take_answer(Connection& connection, Time now) {
  const std::string_view all = connection.got;
  const size_t end = all.find("\r\n\r\n");
  if (end == std::string_view::npos) return true;
  const std::string_view head = all.substr(0, end + 2);
  int status = 0;
  size_t length = 0;
  if (!head.starts_with("HTTP/1.1 ") || !read_number(head.substr(9, 3), status) ||
      !read_number(header(head, "content-length"), length) || all.size() > end + 4 + length) {
    lose(connection, "framing", now);
    return false;
  }
  if (all.size() < end + 4 + length) return true;
  const bool closes = header(head, "connection") == "close";
  tally_.answered(connection.request,
                  {.status = status,
                   .revision = header(head, "slipway-revision"),
                   .refused = header(head, "slipway-refused"),
                   .body = all.substr(end + 4)},
                  now);
  connection.busy = false;
  connection.got.clear();
  if (closes) connection.socket.close();
  return !closes;
}

void Caller::lose(Connection& connection, std::string_view kind, Time now) {
  connection.socket.close();
  connection.connecting = false;
  if (!connection.busy) return;  // a kept connection that the other side ended
  connection.busy = false;
  tally_.failed(kind, connection.got.substr(0, 200), now);
}

void Caller::give_up_late_ones(Time now) {
  next_look_ = now + 100ms;
  for (Connection& each : connections_)
    if (each.busy && now - each.request.due > options_.timeout) lose(each, "timeout", now);
  while (!waiting_.empty() && now - waiting_.front().due > options_.timeout) {
    waiting_.pop_front();
    tally_.failed("timeout", "never sent: every connection was busy", now);
  }
}

}  // namespace slipway::load
