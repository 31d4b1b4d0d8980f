#include "system/kube/api_error.h"

#include <algorithm>
#include <charconv>

#include "system/http/client.h"
#include "values/json/scanner.h"

namespace slipway::kube {
namespace {

using json::Kind;
using json::Scanner;

constexpr size_t kMessageLimit = 4096;  // a refusal may list every field of a large object
constexpr size_t kCauseLimit = 100;

Code code_of(int status) {
  switch (status) {
    case 401:
    case 403:
      return Code::kDenied;
    case 404:
      return Code::kNotFound;
    case 409:
    case 410:
    case 412:
      return Code::kConflict;
    case 413:
      return Code::kTooLarge;
    case 405:
    case 406:
    case 415:
    case 501:
      return Code::kUnsupported;
    case 408:
    case 504:
      return Code::kTimeout;
    case 429:
      return Code::kUnavailable;
    default:
      return status >= 500 ? Code::kUnavailable : Code::kInvalid;
  }
}

// A Status object's fields.
struct Fields {
  std::string kind, status, message, reason;
  int64_t code = 0, retry_after_seconds = 0;
  std::vector<Cause> causes;
};

void read_text(Scanner& in, std::string& out) {
  std::string_view text;
  if (in.peek() != Kind::kString) {
    in.skip();
  } else if (in.read(text)) {
    out = text;
  }
}

void read_number(Scanner& in, int64_t& out) { in.peek() == Kind::kNumber ? in.read(out) : in.skip(); }

void read_cause(Scanner& in, std::vector<Cause>& out) {
  Cause cause;
  if (in.begin_object())
    for (std::string_view key; in.next_key(key);) {
      if (key == "reason")
        read_text(in, cause.reason);
      else if (key == "field")
        read_text(in, cause.field);
      else if (key == "message")
        read_text(in, cause.message);
      else
        in.skip();
    }
  if (in.good() && out.size() < kCauseLimit) out.push_back(std::move(cause));
}

void read_details(Scanner& in, Fields& out) {
  if (in.peek() != Kind::kObject) {
    in.skip();
    return;
  }
  in.begin_object();
  for (std::string_view key; in.next_key(key);) {
    if (key == "causes" && in.peek() == Kind::kArray) {
      in.begin_array();
      while (in.next_element()) read_cause(in, out.causes);
    } else if (key == "retryAfterSeconds") {
      read_number(in, out.retry_after_seconds);
    } else {
      in.skip();
    }
  }
}

// False: it is no Status object.
bool read_fields(std::string_view json, Fields& out) {
  Scanner in(json);
  if (in.begin_object())
    for (std::string_view key; in.next_key(key);) {
      if (key == "kind")
        read_text(in, out.kind);
      else if (key == "status" && in.peek() == Kind::kString)
        read_text(in, out.status);
      else if (key == "message")
        read_text(in, out.message);
      else if (key == "reason")
        read_text(in, out.reason);
      else if (key == "code")
        read_number(in, out.code);
      else if (key == "details")
        read_details(in, out);
      else
        in.skip();
    }
  return in.finish() && out.kind == "Status";
}

ApiError to_error(Fields fields, int status) {
  ApiError out{.status = status, .reason = std::move(fields.reason), .causes = std::move(fields.causes)};
  std::string message = fields.message.empty() ? fmt::format("refused with {}", out.reason) : fields.message;
  if (message.size() > kMessageLimit) message = message.substr(0, kMessageLimit) + "…";
  if (status == 401) message += ". Next step: check the token of the kubeconfig's user";
  out.error = {code_of(status), std::move(message)};
  if (fields.retry_after_seconds > 0) out.retry_after = std::chrono::seconds(fields.retry_after_seconds);
  return out;
}

// The beginning of an answer that is not the API's, on one line.
std::string glimpse(std::string_view body) {
  std::string out(body.substr(0, 200));
  std::ranges::replace_if(
      out,
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F; },
      ' ');
  return out;
}

std::optional<Duration> seconds_of(std::string_view header) {
  uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), seconds);
  if (error != std::errc{} || end != header.data() + header.size()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

ApiError read_error(const http::Response& response, std::string_view asked) {
  Fields fields;
  ApiError out;
  if (read_fields(response.body, fields)) {
    out = to_error(std::move(fields), response.status);
  } else {
    out.status = response.status;
    out.error = {code_of(response.status),
                 fmt::format("{}: answered {}: {}", asked, response.status, glimpse(response.body))};
  }
  if (const auto wait = seconds_of(response.find("retry-after"))) out.retry_after = wait;
  return out;
}

ApiError read_status(std::string_view json) {
  Fields fields;
  if (!read_fields(json, fields))
    return {.error = {Code::kInvalid, "the server sent an error that is no Status"}};
  const int status = fields.code >= 100 && fields.code < 600 ? static_cast<int>(fields.code) : 500;
  return to_error(std::move(fields), status);
}

}  // namespace slipway::kube
