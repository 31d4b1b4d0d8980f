#include <nlohmann/json.hpp>

#include "system/kube/internal/base64.h"
#include "system/kube/internal/kubeconfig_json.h"
#include "system/kube/kubeconfig.h"
#include "system/kube/yaml.h"
#include "system/os/replace_file.h"

namespace slipway::kube {
namespace {

using internal::Section;
using nlohmann::json;

// As `key`-data in base64, or as the file that `key` names.
void put_material(json& into, const std::string& key, const std::string& text, const std::string& file) {
  if (!file.empty())
    into[key] = file;
  else if (!text.empty())
    into[key + "-data"] = internal::base64_encode(text);
}

json cluster_of(const Access& access) {
  json cluster{{"server", access.server}};
  put_material(cluster, "certificate-authority", access.ca_pem, access.ca_file);
  if (!access.server_name.empty()) cluster["tls-server-name"] = access.server_name;
  return cluster;
}

json user_of(const Access& access) {
  json user = json::object();
  if (!access.token.empty()) user["token"] = access.token;
  if (!access.token_file.empty()) user["tokenFile"] = access.token_file;
  put_material(user, "client-certificate", access.certificate_pem, access.certificate_file);
  put_material(user, "client-key", access.key_pem, access.key_file);
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
  return os::replace_file(path, text, 0600);
}

}  // namespace slipway::kube
