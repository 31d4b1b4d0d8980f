// Figures of `slipway control` as one client sees them, over TLS. Prints one number a line, named.
//
//   api_bench KUBECONFIG create COUNT WRITERS    creates deployments and writes a status to each; seconds
//   api_bench KUBECONFIG writes COUNT                  status writes of one writer, each on the answer of the
//   last; writes/s api_bench KUBECONFIG list [LIMIT]                  all deployments, whole or in pages;
//   milliseconds api_bench KUBECONFIG push FILE                     hashes the file and pushes it as one
//   blob; seconds
#include <sys/resource.h>

#include <charconv>
#include <chrono>
#include <thread>
#include <vector>

#include "api_load.h"
#include "system/oci/client.h"
#include "system/os/files.h"

namespace {

using namespace slipway;
using namespace slipway::bench;
using base::Method;
using Seconds = std::chrono::duration<double>;

class Stopwatch {
 public:
  double seconds() const { return Seconds(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

const std::vector<std::pair<std::string, std::string>> kJson{{"content-type", "application/json"}};

size_t number(const char* text) { return std::strtoull(text, nullptr, 10); }

// An object as it stands in a store that is used: created, then given a status.
std::string settle(http::Client& client, size_t index) {
  const std::string made = deployment(index), name = deployment_name(index);
  const auto created = ask(
      client, {.method = Method::kPost, .target = std::string(kDeployments), .headers = kJson, .body = made},
      201);
  const std::string status = with_status(name, quoted(created.body, "resourceVersion"), "http://bench/");
  const std::string path = fmt::format("{}/{}/status", kDeployments, name);
  return ask(client, {.method = Method::kPut, .target = path, .headers = kJson, .body = status}, 200).body;
}

int create(const Target& target, size_t count, size_t writers) {
  const Stopwatch watch;
  std::vector<std::jthread> threads;
  for (size_t writer = 0; writer < writers; ++writer)
    threads.emplace_back([&, writer] {
      http::Client client(target.url, target.options);
      for (size_t i = writer; i < count; i += writers) settle(client, i);
    });
  threads.clear();  // joins them
  std::printf("writes_per_s %.1f\n", 2 * static_cast<double>(count) / watch.seconds());
  return 0;
}

int writes(const Target& target, size_t count) {
  http::Client client(target.url, target.options);
  const std::string name = deployment_name(0), path = fmt::format("{}/{}", kDeployments, name);
  std::string version(quoted(ask(client, {.target = path}, 200).body, "resourceVersion"));
  const Stopwatch watch;
  for (size_t i = 0; i < count; ++i) {
    const std::string body = with_status(name, version, fmt::format("http://bench/{}", i));
    const auto answer = ask(
        client, {.method = Method::kPut, .target = path + "/status", .headers = kJson, .body = body}, 200);
    version = quoted(answer.body, "resourceVersion");
  }
  std::printf("writes_per_s %.1f\n", static_cast<double>(count) / watch.seconds());
  return 0;
}

int list(const Target& target, size_t limit) {
  http::Client client(target.url, target.options);
  ask(client, {.target = "/version"}, 200);  // the handshake is not the list's
  const Stopwatch watch;
  size_t bytes = 0, items = 0, answers = 0;
  std::string next;
  do {
    std::string path = fmt::format("{}?limit={}", kDeployments, limit);
    if (!next.empty()) path += "&continue=" + next;
    const auto answer = ask(client, {.target = path}, 200);
    bytes += answer.body.size();
    ++answers;
    for (size_t at = answer.body.find("\"uid\":"); at != std::string::npos;
         at = answer.body.find("\"uid\":", at + 1))
      ++items;
    next = quoted(std::string_view(answer.body).substr(0, 1024), "continue");
  } while (!next.empty());
  std::printf("list_ms %.1f\nitems %zu\nanswers %zu\nbytes %zu\n", watch.seconds() * 1000, items, answers,
              bytes);
  return 0;
}

int push(const Target& target, const std::string& path) {
  const Stopwatch watch;
  const os::OpenFile file = must(os::open_file(path));
  base::Sha256 hash;
  std::string piece(1 << 20, '\0');
  for (uint64_t at = 0; at < file.size;) {
    const ssize_t got = ::pread(file.descriptor.get(), piece.data(), piece.size(), static_cast<off_t>(at));
    if (got <= 0) return std::perror(path.c_str()), 1;
    hash.update(std::string_view(piece).substr(0, static_cast<size_t>(got)));
    at += static_cast<uint64_t>(got);
  }
  const double hashed = watch.seconds();
  oci::RegistryClient client(target.url, target.options, {});
  must(client.push_blob("bench", file, hash.finish(), ""));
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  std::printf("push_s %.3f\nhash_s %.3f\npeak_mb %.1f\n", watch.seconds(), hashed,
              static_cast<double>(used.ru_maxrss) / 1024);
  return 0;
}

}  // namespace

int main(int count, char** texts) {
  const std::string verb = count > 2 ? texts[2] : "";
  if (verb == "create" && count == 5) return create(target_of(texts[1]), number(texts[3]), number(texts[4]));
  if (verb == "writes" && count == 4) return writes(target_of(texts[1]), number(texts[3]));
  if (verb == "list" && count <= 4) return list(target_of(texts[1]), count == 4 ? number(texts[3]) : 0);
  if (verb == "push" && count == 4) return push(target_of(texts[1]), texts[3]);
  std::fprintf(stderr,
               "api_bench KUBECONFIG create COUNT WRITERS | writes COUNT | list [LIMIT] | push FILE\n");
  return 2;
}
