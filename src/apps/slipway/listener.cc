#include "apps/slipway/listener.h"

namespace slipway::app {

Result<http::Address> parse_listener(const cli::Arguments& arguments, const std::string& option) {
  auto address = http::parse_address(arguments.get(option));
  if (!address) return fail(base::within(option, address.error()));
  if (!http::is_local(*address) && !arguments.has("--allow-plaintext"))
    return fail(Code::kDenied,
                "{} {} can be reached from other machines, without encryption or a password; say "
                "--allow-plaintext if that is meant",
                option, address->str());
  return address;
}

}  // namespace slipway::app
