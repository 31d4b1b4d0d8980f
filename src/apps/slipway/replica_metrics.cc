#include "apps/slipway/replica_metrics.h"

#include <algorithm>
#include <optional>

#include "system/http/client.h"
#include "values/base/digest.h"

namespace slipway::app {
namespace {

constexpr size_t kIdDigits = 16, kLongestName = 128;
constexpr int kTimeoutMs = 2'000;  // a scrape waits no longer for a replica that hangs
constexpr size_t kMetricsBytes = 16 << 20;

bool is_id(const std::string& text) {
  return text.size() == kIdDigits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

void ask(http::Exchange& exchange, const std::string& socket, const std::string& replica,
         const std::string& accept) {
  const auto url = http::parse_url("unix:" + socket);
  if (!url) return http::respond_error(exchange, url.error());
  http::Client client(*url, {.timeout_ms = kTimeoutMs, .body_limit = kMetricsBytes});
  const auto answer = client.ask({.target = "/metrics", .headers = {{"accept", accept}}});
  if (!answer)
    return http::respond_error(
        exchange, 503,
        fmt::format("replica {} does not answer: {}; `slipway status` lists those that run", replica,
                    answer.error().message));
  exchange.respond(
      {.status = answer->status, .content_type = answer->find("content-type"), .body = answer->body});
}

}  // namespace

std::string replica_id(const std::string& replica) {
  return is_id(replica) ? replica : base::sha256(replica).hex().substr(0, kIdDigits);
}

admin::ReplicaMetrics replica_metrics(std::string run, runtime::Executor& executor) {
  return [run = std::move(run), &executor](http::Exchange& exchange, const std::string& replica) {
    if (replica.size() > kLongestName)
      return http::respond_error(exchange, 400, "replica= names no replica: it is too long");
    const std::string socket = fmt::format("{}/{}.admin.sock", run, replica_id(replica));
    const bool taken = executor.submit(
        [kept = exchange.shared_from_this(), socket, replica,
         accept = std::string(exchange.head().find("accept"))] { ask(*kept, socket, replica, accept); });
    if (!taken) http::respond_error(exchange, 503, "too many replicas are asked for their metrics");
  };
}

}  // namespace slipway::app
