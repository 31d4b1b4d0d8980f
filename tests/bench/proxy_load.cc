// proxy_load ADDRESS CONNECTIONS SECONDS PATH BODY: a closed loop, one request in flight on each connection.
// Prints requests, seconds and the answers' times; ends with 1 at the first answer that is not the first
// one's equal: what answers fast and wrong has no figure.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "system/http/address.h"

namespace {

using namespace slipway;
using Clock = std::chrono::steady_clock;

[[noreturn]] void give_up(std::string_view why) {
  std::fprintf(stderr, "proxy_load: %.*s\n", static_cast<int>(why.size()), why.data());
  std::exit(1);
}

struct Caller {
  int fd = -1;
  Clock::time_point sent;
  std::array<char, 16 << 10> in;
  size_t size = 0;
};

class Load {
 public:
  Load(const http::Address& address, size_t callers, std::string request)
      : request_(std::move(request)), epoll_(::epoll_create1(0)), callers_(callers) {
    for (Caller& caller : callers_) {
      const auto socket = http::connect_to(address, 2000);
      if (!socket) give_up(socket.error().message);
      caller.fd = *socket;
      epoll_event event{.events = EPOLLIN, .data = {.ptr = &caller}};
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, caller.fd, &event);
      ask(caller);
    }
  }

  void run(Clock::time_point until) {
    std::array<epoll_event, 256> events;
    while (Clock::now() < until) {
      const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 1000);
      for (int i = 0; i < ready; ++i) hear(*static_cast<Caller*>(events[static_cast<size_t>(i)].data.ptr));
      if (ready == 0) give_up("no answer for a second");
    }
  }

  std::vector<int64_t> take_times() { return std::exchange(times_, {}); }

 private:
  void ask(Caller& caller) {
    caller.sent = Clock::now();
    if (::send(caller.fd, request_.data(), request_.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request_.size()))
      give_up("a request did not go out at once");
  }

  void hear(Caller& caller) {
    const ssize_t got = ::recv(caller.fd, caller.in.data() + caller.size, caller.in.size() - caller.size, 0);
    if (got <= 0) give_up("a connection was closed, or an answer is too large");
    caller.size += static_cast<size_t>(got);
    if (!is_whole({caller.in.data(), caller.size})) return;
    times_.push_back((Clock::now() - caller.sent).count());
    caller.size = 0;
    ask(caller);
  }

  // Whether that is a whole answer; its body must be that of the first.
  bool is_whole(std::string_view answer) {
    const size_t head = answer.find("\r\n\r\n");
    if (head == std::string_view::npos) return false;
    constexpr std::string_view kLength = "ontent-";  // whatever the case of its first letter
    size_t length = std::string_view::npos;
    for (size_t at = answer.find(kLength); at < head; at = answer.find(kLength, at + 1)) {
      const std::string_view rest = answer.substr(at + kLength.size());
      if (!rest.starts_with("length: ") && !rest.starts_with("Length: ")) continue;
      std::from_chars(rest.data() + 8, rest.data() + rest.size(), length);
    }
    if (length == std::string_view::npos) give_up("an answer without Content-Length");
    if (answer.size() < head + 4 + length) return false;
    const std::string_view body = answer.substr(head + 4);
    if (!answer.starts_with("HTTP/1.1 200 ")) give_up(answer);
    if (first_.empty()) first_ = body;
    if (body != first_) give_up("an answer differs from the first");
    return true;
  }

  const std::string request_;
  const int epoll_;
  std::vector<Caller> callers_;
  std::string first_;
  std::vector<int64_t> times_;
};

double at(const std::vector<int64_t>& sorted, double part) {
  return static_cast<double>(sorted[static_cast<size_t>(part * static_cast<double>(sorted.size() - 1))]) /
         1e3;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 6) give_up("ADDRESS CONNECTIONS SECONDS PATH BODY");
  const auto address = http::parse_address(arguments[1]);
  if (!address) give_up(address.error().message);
  const std::string body = arguments[5];
  Load load(
      *address, std::strtoul(arguments[2], nullptr, 10),
      fmt::format("POST {} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: "
                  "{}\r\n\r\n{}",
                  arguments[4], body.size(), body));
  const auto start = Clock::now();
  load.run(start + std::chrono::duration_cast<Clock::duration>(
                       std::chrono::duration<double>(std::strtod(arguments[3], nullptr))));
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::vector<int64_t> times = load.take_times();
  if (times.empty()) give_up("nothing was answered");
  std::sort(times.begin(), times.end());
  std::printf("requests %zu\nper_s %.1f\np50_us %.2f\np99_us %.2f\n", times.size(),
              static_cast<double>(times.size()) / seconds, at(times, 0.5), at(times, 0.99));
}
