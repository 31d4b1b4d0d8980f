// The table of routes: method, pattern, the permission it needs, who answers. Everything that is not in it is
// refused.
//
//   Router router({{Method::kGet, "/v2/models/{model}", "models.read", show_model}});
//
// A pattern's segments are literal, or {name}: one segment, percent-decoded after the split, so that %2F
// never makes a new segment. A GET route answers HEAD too. Immutable; thread-safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "system/http/exchange.h"

namespace slipway::http {

inline constexpr size_t kMaxPathParameters = 4;

// What the placeholders stood for. Views into the target, or into the exchange's arena where there was an
// escape.
class PathParameters {
 public:
  std::string_view operator[](size_t i) const { return i < count_ ? values_[i] : std::string_view(); }
  size_t size() const { return count_; }
  void add(std::string_view value) {
    if (count_ < kMaxPathParameters) values_[count_++] = value;
  }

 private:
  std::array<std::string_view, kMaxPathParameters> values_{};
  size_t count_ = 0;
};

using RouteHandler = std::function<void(Exchange&, const PathParameters&)>;

struct Route {
  base::Method method;
  std::string pattern;
  std::string_view permission;  // "noun.verb"; who may ask is decided in one place, by this word
  RouteHandler handler;
};

class Router {
 public:
  // Answers what matches no route: 404, 405 with the methods that the path takes, or 400 for a malformed
  // path.
  using Miss = std::function<void(Exchange&, int status, std::string_view allowed)>;

  explicit Router(std::vector<Route> routes, Miss miss = nullptr);

  void operator()(Exchange& exchange) const;
  // Where other routes should follow these when nothing matches; 404 otherwise.
  void add(std::vector<Route> routes);

 private:
  struct Compiled {
    Route route;
    std::vector<std::string> segments;  // "{" marks a placeholder
  };
  void missed(Exchange& exchange, std::string_view allowed) const;

  std::vector<Compiled> routes_;
  Miss miss_;
};

// {"error": message} with the status; says Retry-After where the code is worth another try. `also`: one
// header more, when it has a name.
void respond_error(Exchange& exchange, int status, std::string_view message, base::Header also = {});
void respond_error(Exchange& exchange, const Error& error, base::Header also = {});
int status_of(Code code);

// Percent escapes decoded; views the text when there are none. Nothing when an escape is malformed.
Result<std::string_view> percent_decode(std::string_view text, base::Arena& arena);

}  // namespace slipway::http
