// Who may ask: the bearer token of the kubeconfig, for everything; nobody, for health alone.
//
// The token is known here by its digest only. Roles come later: `authorize` keeps its place. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "services/api/api.h"
#include "values/base/digest.h"

namespace slipway::api {

class Tokens {
 public:
  explicit Tokens(Digest digest) : digest_(digest) {}

  // `Authorization: Bearer TOKEN`, or Basic with the token as password, as registry clients send it.
  Verdict check(const base::RequestHead& head, std::string_view permission) const;
  // Whether it is the token, in a time that does not depend on how much of it is right.
  bool is(std::string_view token) const;

 private:
  Digest digest_;
};

// 256 bits from the system, as 64 letters and digits.
std::string make_token();

}  // namespace slipway::api
