#include "system/kube/kubeconfig.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "system/kube/credentials.h"
#include "system/kube/internal/base64.h"
#include "system/kube/internal/kubeconfig_json.h"
#include "system/os/files.h"

namespace slipway::kube {
namespace {

using internal::find_entry;
using internal::kClusters;
using internal::kContexts;
using internal::kUsers;
using internal::Section;
using internal::text_at;
using nlohmann::json;

constexpr uint64_t kFileLimit = 1 << 20;

struct File {
  std::string path;
  json content;
};
struct Entry {
  const json* content = nullptr;
  const File* file = nullptr;
  std::string where;  // as errors name it
};

// What a kubeconfig has in itself, or in a file.
struct Material {
  std::string text, file;

  bool empty() const { return text.empty() && file.empty(); }
};

// A relative path in a kubeconfig starts from the file's folder.
std::string resolve(const std::string& path, const File& file) {
  if (path.empty() || path.starts_with('/')) return path;
  const size_t slash = file.path.rfind('/');
  return slash == std::string::npos ? path : file.path.substr(0, slash + 1) + path;
}

bool is_blank(const json& value) {
  return value.is_string() ? value.get_ref<const std::string&>().empty() : value.empty();
}

std::string joined(std::span<const std::string> parts) { return fmt::format("{}", fmt::join(parts, ", ")); }

class Loader {
 public:
  Status read(std::span<const std::string> paths);
  Result<LoadedAccess> load(std::string_view context);

 private:
  Result<std::string> current_context() const;
  Result<Entry> entry(const Section& section, std::string_view name) const;
  std::string known(const Section& section) const;
  Status take_cluster(const Entry& cluster);
  Result<Material> material(const Entry& entry, const std::string& key) const;
  Status take_user(const Entry& user);
  Status take_certificate(const Entry& user);
  void warn_of_readers(const File& file);

  std::vector<File> files_;
  std::string names_;
  LoadedAccess out_;
};

Status Loader::read(std::span<const std::string> paths) {
  names_ = joined(paths);
  for (const std::string& path : paths) {
    auto text = os::read_file(path, kFileLimit);
    if (!text && text.error().code == Code::kNotFound) continue;
    if (!text) return fail(text.error());
    auto content = internal::parse_kubeconfig(*text, path);
    if (!content) return fail(content.error());
    files_.push_back({path, std::move(*content)});
  }
  if (!files_.empty()) return ok();
  return fail(Code::kNotFound,
              "no kubeconfig: {} {} not there. Next step: --kubeconfig FILE, or set KUBECONFIG", names_,
              paths.size() == 1 ? "is" : "are");
}

Result<std::string> Loader::current_context() const {
  for (const File& file : files_) {
    auto name = text_at(file.content, "current-context", file.path);
    if (!name || !name->empty()) return name;
  }
  return fail(Code::kNotFound, "{}: no current context. Next step: --context with one of: {}", names_,
              known(kContexts));
}

std::string Loader::known(const Section& section) const {
  std::vector<std::string> found;
  for (const File& file : files_) {
    const auto list = file.content.find(section.list);
    if (list == file.content.end() || !list->is_array()) continue;
    for (const json& item : *list)
      if (item.is_object() && item.contains("name") && item["name"].is_string())
        found.push_back(item["name"].get<std::string>());
  }
  return found.empty() ? "(there is none)" : joined(found);
}

Result<Entry> Loader::entry(const Section& section, std::string_view name) const {
  for (const File& file : files_) {
    const auto content = find_entry(file.content, section, name);
    if (!content) return fail(base::within(file.path, content.error()));
    if (*content != nullptr)
      return Entry{*content, &file, fmt::format("{}: {} '{}'", file.path, section.entry, name)};
  }
  return fail(Code::kNotFound, "{}: no {} is named '{}'; there is: {}", names_, section.entry, name,
              known(section));
}

Result<LoadedAccess> Loader::load(std::string_view wanted) {
  auto name = wanted.empty() ? current_context() : Result<std::string>(std::string(wanted));
  if (!name) return fail(name.error());
  const auto context = entry(kContexts, *name);
  if (!context) return fail(context.error());
  out_.access.context = *name;
  const auto cluster_name = text_at(*context->content, "cluster", context->where);
  const auto user_name = text_at(*context->content, "user", context->where);
  const auto ns = text_at(*context->content, "namespace", context->where);
  for (const auto* text : {&cluster_name, &user_name, &ns})
    if (!*text) return fail(text->error());
  if (!ns->empty()) out_.access.ns = *ns;
  const auto cluster = entry(kClusters, *cluster_name);
  if (!cluster) return fail(cluster.error());
  if (auto taken = take_cluster(*cluster); !taken) return fail(taken.error());
  if (user_name->empty()) return std::move(out_);  // nobody in particular
  const auto user = entry(kUsers, *user_name);
  if (!user) return fail(user.error());
  if (auto taken = take_user(*user); !taken) return fail(taken.error());
  return std::move(out_);
}

Status Loader::take_cluster(const Entry& cluster) {
  const json& content = *cluster.content;
  const auto server = text_at(content, "server", cluster.where);
  if (!server) return fail(server.error());
  const bool encrypted = server->starts_with("https://");
  if (!encrypted && !server->starts_with("http://"))
    return fail(Code::kInvalid, "{}: server '{}' must begin with https:// or http://", cluster.where,
                *server);
  const auto skip = content.find("insecure-skip-tls-verify");
  if (encrypted && skip != content.end() && *skip == true)
    return fail(Code::kUnsupported,
                "{}: insecure-skip-tls-verify would trust anybody with our token. Next step: put the "
                "server's CA into "
                "certificate-authority-data instead",
                cluster.where);
  if (const auto proxy = content.find("proxy-url"); proxy != content.end() && !is_blank(*proxy))
    return fail(Code::kUnsupported, "{}: proxy-url is not supported", cluster.where);
  auto name = text_at(content, "tls-server-name", cluster.where);
  if (!name) return fail(name.error());
  auto ca = material(cluster, "certificate-authority");
  if (!ca) return fail(ca.error());
  out_.access.server = *server;
  out_.access.server_name = std::move(*name);
  out_.access.ca_pem = std::move(ca->text);
  out_.access.ca_file = std::move(ca->file);
  return ok();
}

// `key`-data in base64, or else the file that `key` names.
Result<Material> Loader::material(const Entry& entry, const std::string& key) const {
  const auto data = text_at(*entry.content, key + "-data", entry.where);
  const auto path = text_at(*entry.content, key, entry.where);
  if (!data) return fail(data.error());
  if (!path) return fail(path.error());
  if (data->empty()) return Material{.file = resolve(*path, *entry.file)};
  auto text = internal::base64_decode(*data);
  if (!text) return fail(Code::kInvalid, "{}: {}-data is not base64", entry.where, key);
  return Material{.text = std::move(*text)};
}

// What a user may have that we do not do, and what to do instead.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kRefused = {{
    {"exec",
     "a program that makes tokens is not run for a file; put a token there (kubectl create token NAME)"},
    {"auth-provider", "its kind of login is not supported; put a token there (kubectl create token NAME)"},
    {"username", "passwords are not supported; put a token there (kubectl create token NAME)"},
    {"as", "acting as somebody else is not supported; put a token of theirs there"},
    {"as-groups", "acting as somebody else is not supported; put a token of theirs there"},
}};

Status Loader::take_user(const Entry& user) {
  const json& content = *user.content;
  for (const auto& [key, why] : kRefused)
    if (const auto found = content.find(key); found != content.end() && !is_blank(*found))
      return fail(Code::kUnsupported, "{}: has '{}': {}", user.where, key, why);
  if (Status taken = take_certificate(user); !taken) return taken;
  auto token = text_at(content, "token", user.where);
  const auto file = text_at(content, "tokenFile", user.where);
  if (!token) return fail(token.error());
  if (!file) return fail(file.error());
  Access& access = out_.access;
  access.token = std::move(*token);
  access.token_file = resolve(*file, *user.file);
  if (!access.token.empty() || !access.key_pem.empty()) warn_of_readers(*user.file);
  const bool has_secret = !access.token.empty() || !access.token_file.empty() || !access.key_pem.empty() ||
                          !access.key_file.empty();
  if (!has_secret || !access.server.starts_with("http://")) return ok();
  out_.warnings.push_back(
      fmt::format("{}: its token is not sent, because {} is not encrypted", user.where, access.server));
  for (std::string* secret : {&access.token, &access.token_file, &access.certificate_pem,
                              &access.certificate_file, &access.key_pem, &access.key_file})
    secret->clear();
  return ok();
}

Status Loader::take_certificate(const Entry& user) {
  auto certificate = material(user, "client-certificate");
  auto key = material(user, "client-key");
  if (!certificate) return fail(certificate.error());
  if (!key) return fail(key.error());
  if (certificate->empty() != key->empty())
    return fail(Code::kInvalid, "{}: has a client-{} without a client-{}; both are needed", user.where,
                certificate->empty() ? "key" : "certificate", certificate->empty() ? "certificate" : "key");
  out_.access.certificate_pem = std::move(certificate->text);
  out_.access.certificate_file = std::move(certificate->file);
  out_.access.key_pem = std::move(key->text);
  out_.access.key_file = std::move(key->file);
  return ok();
}

void Loader::warn_of_readers(const File& file) {
  struct stat facts{};
  constexpr mode_t kOthersRead = S_IRGRP | S_IROTH;
  if (::stat(file.path.c_str(), &facts) != 0 || (facts.st_mode & kOthersRead) == 0) return;
  out_.warnings.push_back(
      fmt::format("{} holds a secret and can be read by others (mode {:04o}). Next step: chmod 600 {}",
                  file.path, static_cast<unsigned>(facts.st_mode & 07777U), file.path));
}

}  // namespace

std::vector<std::string> kubeconfig_files(std::string_view kubeconfig, std::string_view home) {
  std::vector<std::string> files;
  while (!kubeconfig.empty()) {
    const size_t end = std::min(kubeconfig.find(':'), kubeconfig.size());
    std::string path(kubeconfig.substr(0, end));
    if (!path.empty() && std::ranges::find(files, path) == files.end()) files.push_back(std::move(path));
    kubeconfig.remove_prefix(std::min(end + 1, kubeconfig.size()));
  }
  if (files.empty()) files.push_back(std::string(home) + "/.kube/config");
  return files;
}

Result<LoadedAccess> load_access(std::span<const std::string> files, std::string_view context) {
  Loader loader;
  if (auto read = loader.read(files); !read) return fail(read.error());
  auto loaded = loader.load(context);
  if (!loaded) return loaded;
  // What cannot be used is said now, by the name that people know.
  if (auto usable = read_credentials(loaded->access); !usable)
    return fail(base::within(fmt::format("context '{}'", loaded->access.context), usable.error()));
  return loaded;
}

Result<Access> pod_access(std::string_view host, std::string_view port, const std::string& folder) {
  if (host.empty() || port.empty())
    return fail(Code::kNotFound,
                "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod");
  const auto ns = os::read_file(folder + "/namespace", 4096);
  if (!ns) return fail(ns.error());
  const bool v6 = host.find(':') != std::string_view::npos;
  Access access{.context = "pod",
                .server = fmt::format(fmt::runtime(v6 ? "https://[{}]:{}" : "https://{}:{}"), host, port),
                .ca_file = folder + "/ca.crt",
                .token_file = folder + "/token",
                .ns = *ns};
  if (auto there = read_credentials(access); !there) return fail(there.error());
  return access;
}

}  // namespace slipway::kube
