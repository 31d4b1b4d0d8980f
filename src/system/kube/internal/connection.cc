#include "system/kube/internal/connection.h"

#include <array>

namespace slipway::kube::internal {
namespace {

constexpr size_t kRefusalLimit = 256 << 10;
constexpr int kUnauthorized = 401;
constexpr int kLostAfterMs = 30'000;  // a server that vanished without a word

bool is_success(int status) { return status >= 200 && status < 300; }

// Another look at our files may mend it: the server does not know us, or we do not know it any more.
bool may_be_of_old_files(const Result<http::Response>& response) {
  return response ? response->status == kUnauthorized : response.error().code == Code::kDenied;
}

http::ClientOptions noticing_loss(http::ClientOptions options) {
  options.lost_after_ms = kLostAfterMs;
  return options;
}

}  // namespace

Connection::Connection(Access access, http::ClientOptions options, ApiMetrics* metrics)
    : access_(std::move(access)),
      options_(noticing_loss(std::move(options))),
      user_agent_(access_.user_agent.empty() ? "slipway/" SLIPWAY_VERSION : access_.user_agent),
      metrics_(metrics),
      credentials_(access_) {}

// With a client of the credentials as they are.
Status Connection::make_ready(CredentialSource::Look look) {
  const auto changed = credentials_.refresh(look);
  if (!changed) return fail(changed.error());
  return *changed || client_ == nullptr ? open() : ok();
}

Status Connection::open() {
  auto url = http::parse_url(access_.server);
  if (!url) return fail(url.error());
  auto client =
      std::make_unique<http::Client>(std::move(*url), credentials_.now().apply_to(options_, access_));
  runtime::MutexLock lock(mutex_);
  if (interrupted_) client->interrupt();
  client_ = std::move(client);
  return ok();
}

void Connection::interrupt() {
  runtime::MutexLock lock(mutex_);
  interrupted_ = true;
  if (client_ != nullptr) client_->interrupt();
}

Reply<http::Response> Connection::ask(Verb verb, http::Request request) {
  return talk(verb, std::move(request), Body::kWhole);
}
Reply<http::Response> Connection::begin(Verb verb, http::Request request) {
  return talk(verb, std::move(request), Body::kStreamed);
}
Result<size_t> Connection::read(std::span<char> into) { return client_->read(into); }

Result<http::Response> Connection::talk_once(const http::Request& request, Body body) {
  if (auto ready = make_ready(CredentialSource::Look::kWhenChanged); !ready) return fail(ready.error());
  return body == Body::kWhole ? client_->ask(request) : client_->begin(request);
}

Result<http::Response> Connection::talk_counted(Verb verb, const http::Request& request, Body body) {
  auto response = talk_once(request, body);
  if (metrics_ != nullptr) metrics_->answered(verb, response ? response->status : 0);
  return response;
}

Reply<http::Response> Connection::talk(Verb verb, http::Request request, Body body) {
  request.headers.emplace_back("accept", "application/json");
  request.headers.emplace_back("user-agent", user_agent_);
  auto response = talk_counted(verb, request, body);
  if (may_be_of_old_files(response)) {
    const http::Client* before = client_.get();
    if (make_ready(CredentialSource::Look::kAgain) && client_.get() != before)
      response = talk_counted(verb, request, body);
  }
  if (!response) return refuse(response.error());
  if (is_success(response->status)) return std::move(*response);
  if (body == Body::kStreamed) response->body = read_refusal();
  const std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
  return refuse(
      read_error(*response, fmt::format("{} {}{}", base::name(request.method), access_.server, path)));
}

// As much as there is of it: the status alone says enough.
std::string Connection::read_refusal() {
  std::string out;
  std::array<char, 16 << 10> piece;
  while (out.size() < kRefusalLimit) {
    const auto got = client_->read(piece);
    if (!got || *got == 0) break;
    out.append(piece.data(), *got);
  }
  return out;
}

}  // namespace slipway::kube::internal
