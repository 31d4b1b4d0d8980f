// The registry's errors, and small helpers of its answers.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "system/http/exchange.h"
#include "values/base/result.h"

namespace slipway::registry {

inline constexpr base::Header kVersion{"docker-distribution-api-version", "registry/2.0"};

void respond(http::Exchange& exchange, int status, std::initializer_list<base::Header> headers,
             std::string_view body = "");

// {"errors":[{"code","message"}]}
struct Refusal {
  int status = 500;
  std::string_view code;
  std::string message;
  std::array<base::Header, 2> also{};  // those with a name
};
void respond_error(http::Exchange& exchange, const Refusal& refusal);
void respond_error(http::Exchange& exchange, int status, std::string_view code, std::string_view message);
// By the error's code: `missing` is the registry's word for what was not found, `wrong` for what was invalid.
void respond_error(http::Exchange& exchange, const Error& error, std::string_view missing,
                   std::string_view wrong);

// name=value of a query, percent-decoded; empty when absent or malformed.
std::string query_value(std::string_view query, std::string_view name);

// "bytes=0-99", "bytes=100-", "bytes=-5" of a blob of that size. Nothing when there is no (single,
// well-formed) range; kInvalid when none of it is there: 416.
struct Range {
  uint64_t first = 0, last = 0;  // both included
};
Result<std::optional<Range>> parse_range(std::string_view header, uint64_t size);
// "0-99" of an upload's piece.
std::optional<Range> parse_content_range(std::string_view header);

}  // namespace slipway::registry
