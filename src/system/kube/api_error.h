// What an API server says when it refuses: the Error that people see, and what programs decide by.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "values/base/result.h"
#include "values/base/time.h"

namespace slipway::http {
struct Response;
}

namespace slipway::kube {

// One field that was wrong.
struct Cause {
  std::string reason, field, message;  // FieldValueInvalid, spec.replicas, must be…

  bool operator==(const Cause&) const = default;
};

struct ApiError {
  Error error;
  int status = 0;      // HTTP's; 0 when no answer came
  std::string reason;  // NotFound, AlreadyExists, Conflict, Invalid, Expired, …; may be empty
  std::vector<Cause> causes;
  std::optional<Duration> retry_after;

  bool operator==(const ApiError&) const = default;
  // The resourceVersion or `continue` is too old: list again.
  bool expired() const { return status == 410 || reason == "Expired" || reason == "Gone"; }
  // A create lost against an object of that name (a Conflict is an update that was based on an older
  // version).
  bool already_exists() const { return reason == "AlreadyExists"; }
};

template <class T>
class [[nodiscard]] Reply : public tl::expected<T, ApiError> {
 public:
  using tl::expected<T, ApiError>::expected;
  Reply(tl::expected<T, ApiError> other) : tl::expected<T, ApiError>(std::move(other)) {}
};

inline tl::unexpected<ApiError> refuse(ApiError error) { return tl::unexpected<ApiError>(std::move(error)); }
inline tl::unexpected<ApiError> refuse(Error error) {
  return tl::unexpected<ApiError>(ApiError{.error = std::move(error)});
}

// From an answer whose status is not 2xx; `asked` ("GET https://host/path") is named where the answer is not
// the API's own.
ApiError read_error(const http::Response& response, std::string_view asked);
// From a Status object alone, as a watch sends it.
ApiError read_status(std::string_view json);

}  // namespace slipway::kube
