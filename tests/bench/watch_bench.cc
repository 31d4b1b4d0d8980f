// How long a write takes to each of many watchers:
//
//   watch_bench KUBECONFIG WATCHERS WRITES GAP_MS [stalled]
//
// Each write carries the time at which it was sent; a watcher's latency is from then to the event's last
// byte. One thread writes, one reads for all watchers. `stalled`: one more watcher asks for the whole list as
// events and never reads.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "api_load.h"

namespace {

using namespace slipway;
using namespace slipway::bench;

int64_t nanoseconds_now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

// Which certificate the server shows is the writer's to check: here only bytes are counted.
SSL_CTX& context() {
  static SSL_CTX* const made = SSL_CTX_new(TLS_client_method());
  return *made;
}

// One watch on a connection of its own.
class Watcher {
 public:
  enum class Reads { kAlways, kNever };

  Watcher(const Target& target, std::string_view version, Reads reads) : ssl_(SSL_new(&context())) {
    connect(target, reads);
    const std::string since = version.empty() ? "" : fmt::format("&resourceVersion={}", version);
    const std::string request = fmt::format(
        "GET {}?watch=1&allowWatchBookmarks=true{} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
        kDeployments, since, target.url.host, target.options.bearer_token);
    if (SSL_write(ssl_, request.data(), static_cast<int>(request.size())) <= 0) give_up("asking for a watch");
    if (reads == Reads::kNever) return;
    while (carry_.find("\r\n\r\n") == std::string::npos) read_some();
    if (!carry_.starts_with("HTTP/1.1 200")) give_up(carry_.c_str());
    ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
  }
  ~Watcher() {
    SSL_free(ssl_);
    ::close(fd_);
  }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  int fd() const { return fd_; }

  // What arrived, as latencies behind `into`. False: the watch has ended.
  bool take(std::vector<int64_t>& into) {
    int got = 1;
    while ((got = read_some()) > 0) {
    }
    const bool open = SSL_get_error(ssl_, got) == SSL_ERROR_WANT_READ;
    const int64_t now = nanoseconds_now();
    size_t line = 0;
    for (size_t end = carry_.find('\n'); end != std::string::npos; end = carry_.find('\n', line)) {
      const std::string_view text = std::string_view(carry_).substr(line, end - line);
      constexpr std::string_view kMark = "http://bench/";
      if (const size_t at = text.find(kMark); at != std::string_view::npos)
        into.push_back(now - std::strtoll(text.data() + at + kMark.size(), nullptr, 10));
      line = end + 1;
    }
    carry_.erase(0, line);
    return open;
  }

 private:
  void connect(const Target& target, Reads reads) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int small = 4096;
    if (reads == Reads::kNever) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    sockaddr_in to{.sin_family = AF_INET,
                   .sin_port = htons(static_cast<uint16_t>(target.url.address.port)),
                   .sin_addr = {},
                   .sin_zero = {}};
    ::inet_pton(AF_INET, target.url.address.host.c_str(), &to.sin_addr);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) give_up("connect");
    SSL_set_fd(ssl_, fd_);
    if (SSL_connect(ssl_) != 1) give_up("TLS");
  }

  int read_some() {
    std::array<char, 16384> bytes;
    const int got = SSL_read(ssl_, bytes.data(), bytes.size());
    if (got > 0) carry_.append(bytes.data(), static_cast<size_t>(got));
    return got;
  }

  SSL* ssl_;
  int fd_ = -1;
  std::string carry_;
};

// Writes at their times; ends early when the readers do.
void write_all(const Target& target, size_t writes, int64_t gap, const std::atomic<bool>& ended) {
  http::Client client(target.url, target.options);
  const std::string name = deployment_name(0), path = fmt::format("{}/{}", kDeployments, name);
  std::string version(quoted(ask(client, {.target = path}, 200).body, "resourceVersion"));
  int64_t due = nanoseconds_now();
  for (size_t i = 0; i < writes && !ended; ++i, due += gap) {
    std::this_thread::sleep_for(std::chrono::nanoseconds(std::max<int64_t>(0, due - nanoseconds_now())));
    const std::string body = with_status(name, version, fmt::format("http://bench/{}", nanoseconds_now()));
    version = quoted(ask(client,
                         {.method = base::Method::kPut,
                          .target = path + "/status",
                          .headers = {{"content-type", "application/json"}},
                          .body = body},
                         200)
                         .body,
                     "resourceVersion");
  }
}

void print(std::vector<int64_t>& latencies, size_t expected) {
  std::sort(latencies.begin(), latencies.end());
  const auto at = [&](double part) {
    if (latencies.empty()) return 0.0;
    const auto last = static_cast<double>(latencies.size() - 1);
    return static_cast<double>(latencies[static_cast<size_t>(part * last)]) / 1e6;
  };
  std::printf("events %zu\nmissing %zu\np50_ms %.3f\np99_ms %.3f\nmax_ms %.3f\n", latencies.size(),
              expected - latencies.size(), at(0.5), at(0.99), at(1));
}

int run(const Target& target, size_t count, size_t writes, int64_t gap, bool stalled) {
  http::Client client(target.url, target.options);
  const auto page = ask(client, {.target = fmt::format("{}?limit=1", kDeployments)}, 200);
  // The list's own version stands behind the items' in the answer, or before them: the newest is what is
  // wanted.
  const std::string version(quoted(page.body.substr(0, page.body.find("\"items\"")), "resourceVersion"));
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (size_t i = 0; i < count; ++i) {
    watchers.push_back(std::make_unique<Watcher>(target, version, Watcher::Reads::kAlways));
    epoll_event event{.events = EPOLLIN, .data = {.ptr = watchers.back().get()}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, watchers.back()->fd(), &event);
  }
  std::unique_ptr<Watcher> silent;
  if (stalled) silent = std::make_unique<Watcher>(target, "", Watcher::Reads::kNever);
  std::atomic<bool> ended = false;
  std::jthread writer([&] { write_all(target, writes, gap, ended); });
  std::vector<int64_t> latencies;
  latencies.reserve(count * writes);
  std::array<epoll_event, 256> events;
  while (latencies.size() < count * writes && !ended) {
    const int ready = ::epoll_wait(epoll, events.data(), events.size(), 5000);
    if (ready <= 0) ended = true;
    for (int i = 0; i < ready; ++i)
      if (!static_cast<Watcher*>(events[static_cast<size_t>(i)].data.ptr)->take(latencies)) ended = true;
  }
  print(latencies, count * writes);
  return ended ? 1 : 0;
}

}  // namespace

int main(int count, char** texts) {
  if (count < 5) return std::fprintf(stderr, "watch_bench KUBECONFIG WATCHERS WRITES GAP_MS [stalled]\n"), 2;
  const auto number = [&](int i) { return std::strtoull(texts[i], nullptr, 10); };
  return run(target_of(texts[1]), number(2), number(3), static_cast<int64_t>(number(4)) * 1'000'000,
             count > 5);
}
