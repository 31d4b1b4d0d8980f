#include "system/kube/credentials.h"

#include <sys/stat.h>

#include <algorithm>

#include "system/os/files.h"
#include "system/runtime/log.h"

namespace slipway::kube {
namespace {

constexpr uint64_t kFileLimit = 1 << 20;
constexpr uint64_t kTokenLimit = 64 << 10;

std::string trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = std::min(text.find_first_not_of(kSpace), text.size());
  return std::string(text.substr(first, text.find_last_not_of(kSpace) + 1 - first));
}

// The file's text, or what stands for it where there is no file.
Result<std::string> text_of(const std::string& file, const std::string& otherwise, uint64_t limit) {
  if (file.empty()) return otherwise;
  auto text = os::read_file(file, limit);
  if (text && trimmed(*text).empty()) return fail(Code::kInvalid, "{} is empty", file);
  return text;
}

}  // namespace

http::ClientOptions Credentials::apply_to(http::ClientOptions options, const Access& access) const {
  options.ca_pem = ca_pem;
  options.bearer_token = token;
  options.identity = identity;
  options.server_name = access.server_name;
  return options;
}

Result<Credentials> read_credentials(const Access& access) {
  Credentials out;
  auto ca = text_of(access.ca_file, access.ca_pem, kFileLimit);
  if (!ca) return fail(base::within("reading the CA", ca.error()));
  const auto token = text_of(access.token_file, access.token, kTokenLimit);
  if (!token) return fail(base::within("reading the token", token.error()));
  auto certificate = text_of(access.certificate_file, access.certificate_pem, kFileLimit);
  if (!certificate) return fail(base::within("reading the client certificate", certificate.error()));
  auto key = text_of(access.key_file, access.key_pem, kFileLimit);
  if (!key) return fail(base::within("reading the client certificate's key", key.error()));
  out.ca_pem = std::move(*ca);
  out.token = trimmed(*token);
  out.identity = {std::move(*certificate), std::move(*key)};
  if (out.identity.empty()) return out;
  if (Status fits = http::check_identity(out.identity, "the client's"); !fits) return fail(fits.error());
  return out;
}

CredentialSource::Facts CredentialSource::facts() const {
  Facts out{};
  size_t at = 0;
  for (const std::string* file :
       {&access_.ca_file, &access_.token_file, &access_.certificate_file, &access_.key_file}) {
    struct stat now{};
    if (!file->empty() && ::stat(file->c_str(), &now) == 0)
      out[at] = {static_cast<int64_t>(now.st_dev), static_cast<int64_t>(now.st_ino), now.st_size,
                 now.st_mtim.tv_sec, now.st_mtim.tv_nsec};
    ++at;
  }
  return out;
}

Result<bool> CredentialSource::refresh(Look look) {
  const Facts facts = this->facts();  // before the files are read: a later change is seen by the next look
  if (known_ && look == Look::kWhenChanged && facts == facts_) return false;
  auto read = read_credentials(access_);
  if (!read && known_) return keep(read.error());
  if (!read) return fail(read.error());
  const bool changed = !known_ || *read != now_;
  facts_ = facts;
  known_ = true;
  now_ = std::move(*read);
  fault_.clear();
  return changed;
}

// Said once, not with each request.
bool CredentialSource::keep(const Error& why) {
  if (fault_ == why.message) return false;
  fault_ = why.message;
  runtime::log::warn("kube", "the credentials have changed but cannot be read; the earlier ones are used",
                     {{"server", access_.server}, {"why", why.message}});
  return false;
}

}  // namespace slipway::kube
