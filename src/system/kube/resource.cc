#include "system/kube/resource.h"

namespace slipway::kube {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~").find(c) != std::string_view::npos;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_plain(c))
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// What the API server itself takes as one segment of a path.
Status check_segment(std::string_view what, std::string_view name) {
  if (name.empty()) return fail(Code::kInvalid, "the {} is empty", what);
  if (name == "." || name == ".." || name.find_first_of("/%") != std::string_view::npos)
    return fail(Code::kInvalid, "'{}' cannot be a {}: it could be read as a path", name, what);
  if (name.size() > 253) return fail(Code::kInvalid, "a {} has at most 253 characters", what);
  return ok();
}

}  // namespace

std::string Resource::str() const { return group.empty() ? plural : plural + "." + group; }

std::string ObjectRef::str() const {
  return ns.empty() ? fmt::format("{} '{}'", resource.str(), name)
                    : fmt::format("{} '{}' in '{}'", resource.str(), name, ns);
}

Result<std::string> collection_path(const Resource& resource, std::string_view ns) {
  std::string path = resource.group.empty() ? "/api/" : "/apis/" + escaped(resource.group) + "/";
  path += escaped(resource.version);
  if (resource.scope == Scope::kNamespaced && !ns.empty()) {
    if (auto good = check_segment("namespace", ns); !good) return fail(good.error());
    path += "/namespaces/" + escaped(ns);
  }
  return path + "/" + escaped(resource.plural);
}

Result<std::string> object_path(const ObjectRef& ref, Subresource subresource) {
  if (auto good = check_segment("name", ref.name); !good) return fail(good.error());
  if (ref.resource.scope == Scope::kNamespaced && ref.ns.empty())
    return fail(Code::kInvalid, "{} need a namespace", ref.resource.str());
  auto path = collection_path(ref.resource, ref.ns);
  if (!path) return path;
  *path += "/" + escaped(ref.name);
  if (subresource == Subresource::kStatus) *path += "/status";
  if (subresource == Subresource::kScale) *path += "/scale";
  return path;
}

Query& Query::add(std::string_view name, std::string_view value) {
  if (value.empty()) return *this;
  text_ += text_.empty() ? '?' : '&';
  text_ += escaped(name);
  text_ += '=';
  text_ += escaped(value);
  return *this;
}

}  // namespace slipway::kube
