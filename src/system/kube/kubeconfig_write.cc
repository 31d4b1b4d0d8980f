#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <ranges>

#include <nlohmann/json.hpp>

#include "system/kube/internal/base64.h"
#include "system/kube/internal/kubeconfig_json.h"
#include "system/kube/kubeconfig.h"
#include "system/kube/yaml.h"
#include "system/os/descriptor.h"

namespace slipway::kube {
namespace {

using internal::Section;
using nlohmann::json;
namespace fs = std::filesystem;

json cluster_of(const Access& access) {
  json cluster{{"server", access.server}};
  if (!access.ca_pem.empty()) cluster["certificate-authority-data"] = internal::base64_encode(access.ca_pem);
  return cluster;
}

json user_of(const Access& access) {
  json user = json::object();
  if (!access.token.empty()) user["token"] = access.token;
  if (!access.token_file.empty()) user["tokenFile"] = access.token_file;
  return user;
}

// Replaces the entry of that name where it stands, or adds one.
Status put_entry(json& file, const Section& section, const std::string& name, json content) {
  if (auto found = internal::find_entry(file, section, name); !found) return fail(found.error());
  json& list = file[section.list];
  if (list.is_null()) list = json::array();
  json entry{{"name", name}, {section.entry, std::move(content)}};
  for (json& item : list)
    if (item["name"] == name) {
      item = std::move(entry);
      return ok();
    }
  list.push_back(std::move(entry));
  return ok();
}

Status put_access(json& file, const Access& access) {
  json context{{"cluster", access.context}, {"user", access.context}};
  if (!access.ns.empty()) context["namespace"] = access.ns;
  for (auto& [section, content] :
       {std::pair{internal::kClusters, cluster_of(access)}, std::pair{internal::kUsers, user_of(access)},
        std::pair{internal::kContexts, std::move(context)}})
    if (auto put = put_entry(file, section, access.context, content); !put) return put;
  return ok();
}

Error system_error(const std::string& path, std::string_view doing, int error) {
  return {error == ENOSPC || error == EDQUOT ? Code::kExhausted : Code::kDenied,
          fmt::format("{}: cannot {}: {}", path, doing, os::errno_text(error))};
}

Status write_all(const os::Descriptor& file, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(file.get(), text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(system_error(path, "write", errno));
    text.remove_prefix(static_cast<size_t>(put));
  }
  return ::fsync(file.get()) == 0 ? ok() : fail(system_error(path, "write", errno));
}

// Where the file really lies; its folder is made when it is not there.
Result<std::string> real_place(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(fs::absolute(path, error), error);
  if (error) return fail(system_error(path, "find", error.value()));
  fs::path missing = real.parent_path();
  std::vector<fs::path> folders;
  while (!missing.empty() && !fs::exists(missing, error) && folders.size() < 64) {
    folders.push_back(missing);
    missing = missing.parent_path();
  }
  for (const fs::path& folder : folders | std::views::reverse)
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
      return fail(system_error(folder.string(), "make the folder", errno));
  return real.string();
}

}  // namespace

Result<std::string> write_kubeconfig(const Access& access) {
  return merge_kubeconfig("", access.context, access);
}

Result<std::string> merge_kubeconfig(std::string_view existing, std::string_view source,
                                     const Access& access) {
  auto file = internal::parse_kubeconfig(existing, source);
  if (!file) return fail(file.error());
  if (auto put = put_access(*file, access); !put) return fail(base::within(source, put.error()));
  (*file)["apiVersion"] = "v1";
  (*file)["kind"] = "Config";
  const auto current = internal::text_at(*file, "current-context", source);
  if (!current) return fail(current.error());
  if (current->empty()) (*file)["current-context"] = access.context;
  return json_to_yaml(file->dump(-1, ' ', false, json::error_handler_t::replace));
}

Status save_kubeconfig(const std::string& path, std::string_view text) {
  const auto real = real_place(path);
  if (!real) return fail(real.error());
  const std::string aside = fmt::format("{}.{}.new", *real, ::getpid());
  ::unlink(aside.c_str());  // of a process of the same number that ended halfway
  os::Descriptor file(::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return fail(system_error(aside, "write", errno));
  auto written = write_all(file, aside, text);
  if (written && ::rename(aside.c_str(), real->c_str()) != 0)
    written = fail(system_error(*real, "replace", errno));
  if (!written) {
    ::unlink(aside.c_str());
    return written;
  }
  os::Descriptor folder(::open(fs::path(*real).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || ::fsync(folder.get()) != 0) return fail(system_error(*real, "make lasting", errno));
  return ok();
}

}  // namespace slipway::kube
