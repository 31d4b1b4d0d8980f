// Result<T>: the value, or the reason why there is none. Nothing of ours throws across a room.
//
//   Result<Shape> parse(std::string_view text);
//   auto shape = parse(text);
//   if (!shape) return fail(shape.error());
//   use(*shape);
//
// Plain values; safe to copy between threads.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace slipway::base {

// Who caused it decides the code. The caller's faults are terminal: asking again changes nothing. The world's
// faults are retryable. Our own faults are BUG(), not codes; kInternal is what a caller sees of one.
enum class Code {
  kInvalid,      // the input breaks its own format or contract: HTTP 400
  kNotFound,     // names something that is not there: 404
  kDenied,       // known, but not allowed: 403
  kConflict,     // lost against another change: 409
  kTooLarge,     // over a limit that we set: 413
  kUnsupported,  // well-formed, but we do not do this: 501 (or a refusal at load)
  kUnavailable,  // not ready or going away, try again: 503, retryable
  kExhausted,    // out of memory, room or quota for now: 503, retryable
  kTimeout,      // took longer than allowed: 504, retryable
  kInternal,     // our fault: 500
};

std::string_view name(Code code);
bool retryable(Code code);

// The message names the object, and the next step where there is one. It is shown to people as it is.
struct Error {
  Code code = Code::kInternal;
  std::string message;

  bool operator==(const Error&) const = default;
};

// "while loading model credit: " + what went wrong there. The code stays.
Error within(std::string_view what, Error error);

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(tl::expected<T, Error> other) : tl::expected<T, Error>(std::move(other)) {}
};

using Status = Result<void>;
inline Status ok() { return {}; }

inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

template <class... Args>
tl::unexpected<Error> fail(Code code, fmt::format_string<Args...> text, Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(text, std::forward<Args>(args)...)});
}

}  // namespace slipway::base

namespace slipway {
using base::Code;
using base::Error;
using base::fail;
using base::ok;
using base::Result;
using base::Status;
}  // namespace slipway
