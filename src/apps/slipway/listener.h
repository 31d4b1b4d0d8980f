// Where a command listens, as its options say.
#pragma once

#include "services/cli/command.h"
#include "system/http/address.h"

namespace slipway::app {

// kDenied when other machines could reach it and --allow-plaintext was not said.
Result<http::Address> parse_listener(const cli::Arguments& arguments, const std::string& option);

}  // namespace slipway::app
