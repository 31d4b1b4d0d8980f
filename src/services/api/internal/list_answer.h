// A list as an answer: in one when it is short, else in pieces with back-pressure, so that ten thousand
// objects take no more memory than a few.
#pragma once

#include "services/api/internal/encode.h"
#include "system/http/exchange.h"

namespace slipway::api {

struct ListAnswer {
  domain::Kind kind = domain::Kind::kModelVersion;
  View view;
  std::vector<domain::ObjectPtr> items;
  std::string meta;  // {"resourceVersion":"7",…}
  WallTime now;
};

void respond(http::Exchange& exchange, ListAnswer answer);

}  // namespace slipway::api
