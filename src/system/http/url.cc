#include <algorithm>

#include "system/http/client.h"

namespace slipway::http {
namespace {

bool goes_into_a_head(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c != 0x7F; });
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  if (text.starts_with("unix:")) {
    auto address = parse_address(text);
    if (!address) return fail(address.error());
    return Url{.address = *address, .host = "localhost", .prefix = ""};
  }
  const bool tls = text.starts_with("https://");
  if ((!tls && !text.starts_with("http://")) || !goes_into_a_head(text))
    return fail(Code::kInvalid, "'{}' is not a URL; it looks like http://127.0.0.1:8080", text);
  text.remove_prefix(tls ? 8 : 7);
  const size_t slash = std::min(text.find('/'), text.size());
  std::string host(text.substr(0, slash));
  std::string_view prefix = text.substr(slash);
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  const bool has_port = host.rfind(':') != std::string::npos && !host.ends_with(']');
  auto address = parse_address(has_port ? host : host + (tls ? ":443" : ":80"));
  if (!address) return fail(address.error());
  return Url{.address = *address, .host = std::move(host), .prefix = std::string(prefix), .tls = tls};
}

}  // namespace slipway::http
