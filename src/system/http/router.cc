#include "system/http/router.h"

#include <array>
#include <charconv>
#include <optional>

#include "values/json/writer.h"

namespace slipway::http {
namespace {

constexpr size_t kMaxSegments = 16;

using Segments = std::array<std::string_view, kMaxSegments>;

// The segments between slashes. "/v2/" and "/v2" are the same. Too many: as many as fit, which then match
// nothing.
size_t split(std::string_view path, Segments& segments) {
  size_t count = 0;
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) return 0;
  while (count < kMaxSegments) {
    const size_t slash = path.find('/');
    segments[count++] = path.substr(0, slash);
    if (slash == std::string_view::npos) return count;
    path.remove_prefix(slash + 1);
  }
  return kMaxSegments + 1;
}

bool fits(const std::vector<std::string>& pattern, const Segments& segments, size_t count) {
  if (pattern.size() != count) return false;
  for (size_t i = 0; i < count; ++i)
    if (pattern[i] != "{" && pattern[i] != segments[i]) return false;
  return true;
}

bool answers(const Route& route, base::Method method) {
  return route.method == method || (method == base::Method::kHead && route.method == base::Method::kGet);
}

}  // namespace

Router::Router(std::vector<Route> routes, Miss miss) : miss_(std::move(miss)) { add(std::move(routes)); }

void Router::add(std::vector<Route> routes) {
  for (Route& route : routes) {
    Segments segments;
    const size_t count = split(route.pattern, segments);
    Compiled compiled{.route = {}, .segments = {}};
    for (size_t i = 0; i < count; ++i)
      compiled.segments.emplace_back(segments[i].starts_with('{') ? "{" : std::string(segments[i]));
    compiled.route = std::move(route);
    routes_.push_back(std::move(compiled));
  }
}

void Router::operator()(Exchange& exchange) const {
  Segments segments;
  const size_t count = split(exchange.head().path, segments);
  std::string allowed;
  for (const Compiled& compiled : routes_) {
    if (!fits(compiled.segments, segments, count)) continue;
    if (!answers(compiled.route, exchange.head().method)) {
      allowed += allowed.empty() ? "" : ", ";
      allowed += base::name(compiled.route.method);
      continue;
    }
    PathParameters parameters;
    for (size_t i = 0; i < count; ++i) {
      if (compiled.segments[i] != "{") continue;
      const auto value = percent_decode(segments[i], exchange.arena());
      if (!value && miss_) return miss_(exchange, 400, "");
      if (!value) return respond_error(exchange, value.error());
      parameters.add(*value);
    }
    return compiled.route.handler(exchange, parameters);
  }
  missed(exchange, allowed);
}

void Router::missed(Exchange& exchange, std::string_view allowed) const {
  if (miss_) return miss_(exchange, allowed.empty() ? 404 : 405, allowed);
  if (allowed.empty())
    return respond_error(exchange, 404, fmt::format("no such path: {}", exchange.head().path.substr(0, 200)));
  const base::Header allow{"allow", allowed};
  std::string body;
  json::Writer(body).object(
      [&](json::Writer& out) { out.key("error").value(fmt::format("this path takes {}", allowed)); });
  exchange.respond({.status = 405, .headers = std::span(&allow, 1), .body = body});
}

int status_of(Code code) {
  switch (code) {
    case Code::kInvalid:
      return 400;
    case Code::kNotFound:
      return 404;
    case Code::kDenied:
      return 403;
    case Code::kConflict:
      return 409;
    case Code::kTooLarge:
      return 413;
    case Code::kUnsupported:
      return 501;
    case Code::kUnavailable:
    case Code::kExhausted:
      return 503;
    case Code::kTimeout:
      return 504;
    case Code::kInternal:
      return 500;
  }
  return 500;
}

void respond_error(Exchange& exchange, int status, std::string_view message, base::Header also) {
  std::string body;
  json::Writer(body).object([&](json::Writer& out) { out.key("error").value(message); });
  std::array<base::Header, 2> headers{{also, {}}};
  size_t count = also.name.empty() ? 0 : 1;
  if (status == 503 || status == 429) headers[count++] = {"retry-after", "1"};
  exchange.respond({.status = status, .headers = std::span(headers).first(count), .body = body});
}

void respond_error(Exchange& exchange, const Error& error, base::Header also) {
  respond_error(exchange, status_of(error.code), error.message, also);
}

Result<std::string_view> percent_decode(std::string_view text, base::Arena& arena) {
  if (text.find('%') == std::string_view::npos) return text;
  const auto out = arena.make<char>(text.size());
  if (out.data() == nullptr) return fail(Code::kExhausted, "no memory left for the request; try again later");
  size_t size = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out[size++] = text[i];
      continue;
    }
    unsigned value = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc{} || digits.size() != 2 || end != digits.data() + 2 || value == 0)
      return fail(Code::kInvalid, "the path holds a malformed percent escape at '{}'", text.substr(i, 3));
    out[size++] = static_cast<char>(value);
    i += 2;
  }
  return std::string_view(out.data(), size);
}

}  // namespace slipway::http
