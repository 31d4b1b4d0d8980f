// Where the parts of a data folder are: their locks and sockets, and addresses as people mean them.
#pragma once

#include <string>

#include "system/http/address.h"
#include "values/base/result.h"

namespace slipway::supervisor {

// What a part holds while it lives, and the Unix socket where it answers probes.
std::string lock_of(const std::string& data, const std::string& part);
std::string admin_of(const std::string& data, const std::string& part);

// Makes the folders for them and for logs, and tries whether they can be written: on a full disk the parts
// could not even log why they end. kInvalid: sockets below it would have too long a path.
Status prepare(const std::string& data);

// Whether somebody who listens at `actual` does what was asked with `wanted`.
bool is_at(const http::Address& wanted, const http::Address& actual);
std::string url_of(const http::Address& address);

}  // namespace slipway::supervisor
