// The Status object: how every failure, and a deletion, is answered.
#pragma once

#include <string>
#include <vector>

#include "system/http/exchange.h"
#include "values/schema/definition.h"

namespace slipway::api {

// A failure as clients see it. details are left out where they are empty.
struct Failure {
  int code = 500;
  std::string reason;  // "NotFound"
  std::string message;
  std::string name, group, kind, uid;  // of the details
  std::vector<schema::FieldError> causes;
  int retry_after = 0;  // seconds; 0: says nothing
};

std::string to_json(const Failure& failure);
void respond(http::Exchange& exchange, const Failure& failure);
void respond_json(http::Exchange& exchange, int status, std::string_view body,
                  std::span<const std::string> warnings = {});

Failure bad_request(std::string message);
Failure not_found(const schema::Definition& of, const std::string& name);
Failure already_exists(const schema::Definition& of, const std::string& name);
Failure conflict(const schema::Definition& of, const std::string& name);
Failure invalid(const schema::Definition& of, const std::string& name,
                std::vector<schema::FieldError> causes);
Failure unsupported_media_type(std::string_view accepted);
Failure expired(std::string message);
// A list or a watch of what was not looked at yet: 503, and when to ask again.
Failure not_observed(const schema::Definition& of);
// What went wrong in the store or in this program, for an object of that kind.
Failure from_error(const Error& error, const schema::Definition& of, const std::string& name);

}  // namespace slipway::api
