#include "apps/slipway/data_folder.h"

#include <sys/stat.h>

#include "system/os/files.h"
#include "system/os/replace_file.h"

namespace slipway::app {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kPemLimit = 64 << 10;
constexpr Duration kCertificateLife = 24h * 365;

// The authority's private key and certificate stand in one file each; a folder that has one of them only was
// made by a start that ended halfway, and starts over: nobody has seen its certificate.
Result<http::Authority> read_authority(const std::string& certificate, const std::string& key) {
  auto first = os::read_file(certificate, kPemLimit);
  if (!first) return fail(first.error());
  auto second = os::read_file(key, kPemLimit);
  if (!second) return fail(second.error());
  return http::Authority{.certificate_pem = std::move(*first), .private_key_pem = std::move(*second)};
}

}  // namespace

Result<DataFolder> DataFolder::open(const std::string& path) {
  for (const std::string& folder : {path, path + "/run", path + "/pki"})
    if (Status made = os::make_folders(folder); !made)
      return fail(base::within("--data " + path, made.error()));
  ::chmod((path + "/pki").c_str(), 0700);
  auto lock = os::FileLock::take(path + "/run/control.lock");
  if (!lock && lock.error().code == Code::kConflict)
    return fail(Code::kConflict,
                "the data folder {} is in use ({}); stop that one first, or give another --data", path,
                lock.error().message);
  if (!lock) return fail(lock.error());
  return DataFolder(path, std::move(*lock));
}

std::string DataFolder::authority_pem() const { return os::read_file(pki("ca.crt"), kPemLimit).value_or(""); }

Result<http::TlsIdentity> DataFolder::server_identity(std::span<const std::string> names,
                                                      WallTime now) const {
  auto authority = read_authority(pki("ca.crt"), pki("ca.key"));
  if (!authority) {
    authority = http::make_authority("slipway", now);
    if (!authority) return fail(authority.error());
    // The key first: a certificate without its key would be taken for a finished authority.
    if (Status key = os::replace_file(pki("ca.key"), authority->private_key_pem, 0600); !key)
      return fail(key.error());
    if (Status certificate = os::replace_file(pki("ca.crt"), authority->certificate_pem, 0644); !certificate)
      return fail(certificate.error());
  }
  auto identity = read_authority(pki("server.crt"), pki("server.key"));
  if (identity) {
    const auto end = http::expires(identity->certificate_pem);
    const bool fresh = end && *end - now > kCertificateLife / 3;
    http::TlsIdentity known{.certificate_pem = identity->certificate_pem,
                            .private_key_pem = identity->private_key_pem};
    if (fresh && http::check_certificate(known.certificate_pem, authority->certificate_pem, names) &&
        http::TlsServer::make(known))
      return known;
  }
  auto issued = http::issue_certificate(*authority, names, now, kCertificateLife);
  if (!issued) return fail(issued.error());
  if (Status key = os::replace_file(pki("server.key"), issued->private_key_pem, 0600); !key)
    return fail(key.error());
  if (Status certificate = os::replace_file(pki("server.crt"), issued->certificate_pem, 0644); !certificate)
    return fail(certificate.error());
  return issued;
}

Result<std::string> DataFolder::token() const {
  const std::vector<std::string> files{kubeconfig()};
  const auto loaded = kube::load_access(files, "");
  if (loaded && !loaded->access.token.empty()) return loaded->access.token;
  if (!loaded && loaded.error().code != Code::kNotFound)
    return fail(loaded.error().code, "{}; mend it, or move it away: a new one is made",
                loaded.error().message);
  return api::make_token();
}

Status DataFolder::write_kubeconfig(const std::string& server, const std::string& token) const {
  const kube::Access access{
      .context = "slipway", .server = server, .ca_pem = authority_pem(), .token = token};
  const auto text = kube::write_kubeconfig(access);
  if (!text) return fail(text.error());
  if (os::read_file(kubeconfig(), kPemLimit).value_or("") == *text) return ok();
  return kube::save_kubeconfig(kubeconfig(), *text);
}

}  // namespace slipway::app
