#include "services/registry/internal/answers.h"

#include <array>
#include <charconv>
#include <vector>

#include "values/json/writer.h"

namespace slipway::registry {
namespace {

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

void respond(http::Exchange& exchange, int status, std::initializer_list<base::Header> headers,
             std::string_view body) {
  std::vector<base::Header> all{kVersion};
  all.insert(all.end(), headers.begin(), headers.end());
  exchange.respond({.status = status,
                    .content_type = body.empty() ? "" : "application/json",
                    .headers = all,
                    .body = body});
}

void respond_error(http::Exchange& exchange, const Refusal& refusal) {
  std::string body;
  json::Writer(body).object([&](json::Writer& out) {
    out.key("errors").begin_array();
    out.object([&](json::Writer& error) {
      error.key("code").value(refusal.code).key("message").value(refusal.message);
    });
    out.end_array();
  });
  std::vector<base::Header> headers{kVersion};
  if (refusal.status == 401) headers.push_back({"www-authenticate", "Basic realm=\"slipway\""});
  if (refusal.status == 503 || refusal.status == 429) headers.push_back({"retry-after", "1"});
  for (const base::Header& each : refusal.also)
    if (!each.name.empty()) headers.push_back(each);
  exchange.respond({.status = refusal.status, .headers = headers, .body = body});
}

void respond_error(http::Exchange& exchange, int status, std::string_view code, std::string_view message) {
  respond_error(exchange, {.status = status, .code = code, .message = std::string(message)});
}

void respond_error(http::Exchange& exchange, const Error& error, std::string_view missing,
                   std::string_view wrong) {
  switch (error.code) {
    case Code::kNotFound:
      return respond_error(exchange, 404, missing, error.message);
    case Code::kInvalid:
    case Code::kUnsupported:
      return respond_error(exchange, 400, wrong, error.message);
    case Code::kConflict:
      return respond_error(exchange, 409, wrong, error.message);
    case Code::kTooLarge:
      return respond_error(exchange, 413, "SIZE_INVALID", error.message);
    case Code::kExhausted:
    case Code::kUnavailable:
      return respond_error(exchange, 503, "UNKNOWN", error.message);
    case Code::kTimeout:
      return respond_error(exchange, 408, "UNKNOWN", error.message);
    default:
      return respond_error(exchange, 500, "UNKNOWN", error.message);
  }
}

std::string query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) != name) continue;
    std::string out;
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    for (size_t i = 0; i < value.size(); ++i) {
      unsigned byte = 0;
      if (value[i] != '%') {
        out += value[i];
        continue;
      }
      const std::string_view digits = value.substr(i + 1, 2);
      const auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
      if (digits.size() != 2 || error != std::errc{} || at != digits.data() + 2) return "";
      out += static_cast<char>(byte);
      i += 2;
    }
    return out;
  }
  return "";
}

Result<std::optional<Range>> parse_range(std::string_view header, uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  const std::optional<Range> whole;
  if (!header.starts_with(kUnit)) return whole;
  const std::string_view range = header.substr(kUnit.size());
  const size_t dash = range.find('-');
  // Several ranges, or what is no range at all: the whole is a right answer to either.
  if (dash == std::string_view::npos || range.find(',') != std::string_view::npos) return whole;
  const auto first = number(range.substr(0, dash)), last = number(range.substr(dash + 1));
  if (dash > 0 && !first) return whole;
  if (dash + 1 < range.size() && !last) return whole;
  if (!first && !last) return whole;
  if (!first) {
    if (*last == 0 || size == 0)
      return fail(Code::kInvalid, "none of that range is there: the blob has {} bytes", size);
    return std::optional(Range{.first = size - std::min(*last, size), .last = size - 1});
  }
  if (last && *last < *first) return whole;
  if (*first >= size) return fail(Code::kInvalid, "none of that range is there: the blob has {} bytes", size);
  return std::optional(Range{.first = *first, .last = std::min(last.value_or(size - 1), size - 1)});
}

std::optional<Range> parse_content_range(std::string_view header) {
  if (header.starts_with("bytes ")) header = header.substr(6, header.find('/') - 6);
  const size_t dash = header.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = number(header.substr(0, dash)), last = number(header.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return Range{.first = *first, .last = *last};
}

}  // namespace slipway::registry
