// What an access says when it is used: its files are read again whenever they are others than before, so that
// a token, a CA or a certificate may be replaced while we run.
#pragma once

#include <array>
#include <string>

#include "system/http/client.h"
#include "system/kube/kubeconfig.h"

namespace slipway::kube {

struct Credentials {
  std::string ca_pem, token;
  http::TlsIdentity identity;

  bool operator==(const Credentials&) const = default;
  // `options` with these, and with the name that the access wants the server to have.
  http::ClientOptions apply_to(http::ClientOptions options, const Access& access) const;
};

// kInvalid: a file that is empty, a key that is another certificate's; kNotFound: a file that is not there.
Result<Credentials> read_credentials(const Access& access);

// Threads: one at a time.
class CredentialSource {
 public:
  explicit CredentialSource(const Access& access) : access_(access) {}

  enum class Look {
    kWhenChanged,  // by the files' facts
    kAgain,        // whatever these say: the server did not take what we have
  };
  // Whether now() is other than before. Files that cannot be read, as while they are being replaced, leave
  // what was known before; without that they are an error.
  Result<bool> refresh(Look look);
  const Credentials& now() const { return now_; }

 private:
  // Of the CA, the token, the certificate and the key: what is other once a file was replaced or written.
  using Facts = std::array<std::array<int64_t, 5>, 4>;
  Facts facts() const;
  bool keep(const Error& why);

  const Access access_;
  Facts facts_{};
  bool known_ = false;
  Credentials now_;
  std::string fault_;  // why the files as they are now could not be read; empty: they could
};

}  // namespace slipway::kube
