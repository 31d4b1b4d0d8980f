#include "system/oci/internal/session.h"

#include <algorithm>
#include <charconv>

#include "values/base/base64.h"

namespace slipway::oci::internal {
namespace {

using base::Method;

constexpr size_t kAnswerBytes = kManifestBytes + 1;  // of what is not a blob
constexpr size_t kRefusalBytes = 64 << 10;
constexpr int kRedirects = 5;
constexpr int kTokenTimeoutMs = 15'000;

bool is_redirect(const http::Response& response, Method method) {
  const int status = response.status;
  return (method == Method::kGet || method == Method::kHead) && !response.find("location").empty() &&
         (status == 301 || status == 302 || status == 303 || status == 307 || status == 308);
}

Duration parse_retry_after(const http::Response& response) {
  const std::string_view text = response.find("retry-after");
  int seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::chrono::seconds(std::clamp(seconds, 0, 60));
}

std::string basic(const Credentials& credentials) {
  return "Basic " + base::base64_encode(credentials.username + ":" + credentials.password);
}

// What is left of an answer, up to a limit: more than that is told by nobody who means well.
void read_rest(http::Client& client, http::Response& response, size_t limit) {
  std::string piece(16 << 10, '\0');
  while (response.body.size() < limit) {
    const auto got = client.read(piece);
    if (!got || *got == 0) return;
    response.body.append(piece, 0, *got);
  }
}

}  // namespace

Session::Session(http::Url url, http::ClientOptions http, Access access)
    : url_(std::move(url)), http_(std::move(http)), access_(std::move(access)), client_(url_, http_) {}

Result<http::Response> Session::ask(const http::Request& request) {
  auto response = begin(request);
  if (!response) return response;
  std::string piece(64 << 10, '\0');
  while (true) {
    const auto got = read(piece);
    if (!got) return fail(got.error());
    if (*got == 0) return response;
    if (response->body.size() + *got > kAnswerBytes)
      return fail(Code::kTooLarge, "the answer of {} is larger than {} bytes", url_.address.str(),
                  kManifestBytes);
    response->body.append(piece, 0, *got);
  }
}

Result<http::Response> Session::begin(const http::Request& request) {
  auto response = begin_here(request);
  for (int hops = 0; response && is_redirect(*response, request.method); ++hops) {
    if (hops == kRedirects)
      return fail(Code::kUnsupported, "{} redirects more than {} times", url_.address.str(), kRedirects);
    response = follow(*response, request);
  }
  retry_after_ = response ? parse_retry_after(*response) : Duration{};
  return response;
}

Result<http::Response> Session::begin_here(const http::Request& request) {
  reader_ = &client_;
  auto response = client_.begin(dressed(request));
  if (!response || response->status != 401) return response;
  read_rest(client_, *response, kRefusalBytes);
  const auto again = answer(read_challenge(*response));
  if (!again) return fail(again.error());
  if (!*again) return response;
  if (request.source != nullptr)
    return fail(Code::kUnavailable, "{} asked for new credentials while a file was sent", url_.address.str());
  return client_.begin(dressed(request));
}

http::Request Session::dressed(const http::Request& request) const {
  http::Request out = request;
  out.headers.emplace_back("user-agent", "slipway");
  for (const auto& header : access_.headers) out.headers.push_back(header);
  if (!authorization_.empty()) out.headers.emplace_back("authorization", authorization_);
  return out;
}

Result<http::Response> Session::follow(const http::Response& response, const http::Request& request) {
  const std::string_view location = response.find("location");
  http::Request next = request;
  if (location.starts_with('/') && !location.starts_with("//")) {
    next.target = target_of(location);
    return reader_ == &client_ ? begin_here(next) : reader_->begin(next);
  }
  auto place = parse_place(location);
  if (!place) return fail(within(fmt::format("{} redirects to", url_.address.str()), place.error()));
  if (is_here(place->url)) {
    next.target = target_of(place->target);
    return begin_here(next);
  }
  if (Status may = may_go(place->url, "redirects to"); !may) return fail(may.error());
  next.target = place->target;
  next.headers.emplace_back("user-agent", "slipway");
  elsewhere_ = std::make_unique<http::Client>(place->url, for_stranger(place->url));
  reader_ = elsewhere_.get();
  return reader_->begin(next);
}

std::string Session::target_of(std::string_view location) const {
  if (const size_t scheme = location.find("://"); scheme != std::string_view::npos) {
    const size_t slash = location.find('/', scheme + 3);
    location = slash == std::string_view::npos ? "/" : location.substr(slash);
  }
  // The client puts the prefix before it again.
  if (!url_.prefix.empty() && location.starts_with(url_.prefix + "/"))
    location.remove_prefix(url_.prefix.size());
  return std::string(location);
}

// No token of ours, no header of ours; and whoever sends us on from elsewhere does not send us to this
// machine.
http::ClientOptions Session::for_stranger(const http::Url& url) const {
  http::ClientOptions out = http_;
  out.bearer_token.clear();
  out.identity = {};
  out.server_name.clear();
  const bool near = http::is_local(url_.address) || url.address.host == url_.address.host;
  out.reach = near ? http::Reach::kAnywhere : http::Reach::kOtherMachines;
  return out;
}

Status Session::may_go(const http::Url& url, std::string_view as) const {
  if (url.address.kind != http::Address::Kind::kTcp)
    return fail(Code::kDenied, "{} {} {}, which is no place on a network", url_.address.str(), as,
                url.address.str());
  const bool plain = access_.plain_http == PlainHttp::kAllowed ||
                     (http::is_local(url.address) && http::is_local(url_.address));
  if (url.tls || plain) return ok();
  return fail(Code::kDenied, "{} {} {} over plain HTTP, which is not allowed here (--plain-http allows it)",
              url_.address.str(), as, url.address.str());
}

Result<bool> Session::answer(const Challenge& challenge) {
  const Credentials& known = access_.credentials;
  std::string next;
  if (challenge.scheme == Challenge::Scheme::kBasic && !known.username.empty()) next = basic(known);
  if (challenge.scheme == Challenge::Scheme::kBearer) {
    const auto token = fetch_token(challenge);
    if (!token) return fail(token.error());
    next = "Bearer " + token->text;
  }
  if (next.empty() || next == authorization_) return false;
  authorization_ = std::move(next);
  return true;
}

Result<Token> Session::fetch_token(const Challenge& challenge) const {
  const Credentials& known = access_.credentials;
  const std::string doing = fmt::format("getting a token of {}", challenge.realm.substr(0, 200));
  const auto place = parse_place(challenge.realm);
  if (!place)
    return fail(Code::kUnsupported, "{} names '{}' as its token server", url_.address.str(),
                challenge.realm.substr(0, 200));
  if (Status may = may_go(place->url, "sends for tokens to"); !may) return fail(may.error());
  std::string query = "service=" + escape(challenge.service);
  if (!challenge.scope.empty()) query += "&scope=" + escape(challenge.scope);
  http::Request request{.target = place->target, .headers = {{"user-agent", "slipway"}}};
  if (!known.identity_token.empty()) {
    query += "&grant_type=refresh_token&client_id=slipway&refresh_token=" + escape(known.identity_token);
    request.method = Method::kPost;
    request.headers.emplace_back("content-type", "application/x-www-form-urlencoded");
    request.body = query;
  } else {
    request.target += (request.target.find('?') == std::string::npos ? "?" : "&") + query;
    if (!known.username.empty()) request.headers.emplace_back("authorization", basic(known));
  }
  http::ClientOptions options = for_stranger(place->url);
  options.timeout_ms = kTokenTimeoutMs;
  options.body_limit = 256 << 10;
  const auto response = http::Client(place->url, options).ask(request);
  if (!response) return fail(within(doing, response.error()));
  if (response->status != 200) return fail(refused(*response, doing));
  auto token = read_token(response->body);
  if (!token) return fail(within(doing, token.error()));
  return token;
}

}  // namespace slipway::oci::internal
