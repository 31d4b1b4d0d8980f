// The head of a client's request, and what must not stand in it.
#pragma once

#include <string>

#include "system/http/client.h"

namespace slipway::http::internal {

// kInvalid: it would not be one request. kDenied: its token would go over the network in the clear.
Status check_request(const Request& request, const Url& url, const ClientOptions& options);
// Of a request that was checked.
std::string head_of(const Request& request, const Url& url, const ClientOptions& options);

}  // namespace slipway::http::internal
