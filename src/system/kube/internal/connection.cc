#include "system/kube/internal/connection.h"

#include <array>

#include "system/os/files.h"

namespace slipway::kube::internal {
namespace {

constexpr uint64_t kTokenLimit = 64 << 10;
constexpr size_t kRefusalLimit = 256 << 10;
constexpr int kUnauthorized = 401;

bool is_success(int status) { return status >= 200 && status < 300; }

std::string trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = std::min(text.find_first_not_of(kSpace), text.size());
  return std::string(text.substr(first, text.find_last_not_of(kSpace) + 1 - first));
}

}  // namespace

Result<std::string> Connection::current_token() const {
  if (access_.token_file.empty()) return access_.token;
  auto text = os::read_file(access_.token_file, kTokenLimit);
  if (!text) return fail(base::within("reading the token", text.error()));
  return trimmed(*text);
}

Status Connection::open() {
  auto url = http::parse_url(access_.server);
  if (!url) return fail(url.error());
  auto token = current_token();
  if (!token) return fail(token.error());
  options_.bearer_token = std::move(*token);
  options_.ca_pem = access_.ca_pem;
  auto client = std::make_unique<http::Client>(std::move(*url), options_);
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

Reply<http::Response> Connection::ask(http::Request request) {
  return talk(std::move(request), Body::kWhole);
}
Reply<http::Response> Connection::begin(http::Request request) {
  return talk(std::move(request), Body::kStreamed);
}
Result<size_t> Connection::read(std::span<char> into) { return client_->read(into); }

Result<http::Response> Connection::talk_once(const http::Request& request, Body body) {
  if (client_ == nullptr)
    if (auto opened = open(); !opened) return fail(opened.error());
  return body == Body::kWhole ? client_->ask(request) : client_->begin(request);
}

Reply<http::Response> Connection::talk(http::Request request, Body body) {
  request.headers.emplace_back("accept", "application/json");
  request.headers.emplace_back("user-agent", "slipway");
  auto response = talk_once(request, body);
  if (response && response->status == kUnauthorized && !access_.token_file.empty()) {
    if (const auto token = current_token(); token && *token != options_.bearer_token) {
      if (auto opened = open(); !opened) return refuse(opened.error());
      response = talk_once(request, body);
    }
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
