// Certificates for a platform that signs its own: an authority made once, and the certificates it issues to
// servers. EC P-256; strict verifiers (OpenSSL's X509_STRICT, Go, Python 3.13) take them.
//
// Pure but for randomness. Private keys are secrets: whoever stores them does so readable to the owner alone.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "system/http/tls.h"
#include "values/base/result.h"
#include "values/base/time.h"

namespace slipway::http {

struct Authority {
  std::string certificate_pem, private_key_pem;
};

// Valid for ten years from five minutes before `now`. The name has 1 to 64 bytes.
Result<Authority> make_authority(std::string_view common_name, WallTime now);

// For a server at `names`: DNS names and IP addresses, at most 100. Valid from five minutes before `now`, so
// that a client's clock may be a little behind, for at most 398 days (what clients accept), and not beyond
// the authority's own end. kInvalid: no name, a malformed one, or an authority that has ended.
Result<TlsIdentity> issue_certificate(const Authority& authority, std::span<const std::string> names,
                                      WallTime now, Duration valid_for);

// When the (first) certificate of the text ends.
Result<WallTime> expires(std::string_view certificate_pem);

// Whether the authority's certificate signed this one, and it is for each of the names; the error says what
// is wrong. Dates are not looked at: see expires().
Status check_certificate(std::string_view certificate_pem, std::string_view authority_pem,
                         std::span<const std::string> names);

}  // namespace slipway::http
