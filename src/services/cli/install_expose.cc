#include <charconv>

#include "services/cli/install_objects.h"
#include "values/domain/names.h"

namespace slipway::cli {
namespace {

constexpr std::string_view kForms =
    "it is one of ClusterIP, NodePort, NodePort:HOST:PORT, LoadBalancer, LoadBalancer:HOST, ingress:HOST, "
    "httproute:GATEWAY/HOST and httproute:NAMESPACE/GATEWAY/HOST, with https:// before HOST where TLS ends "
    "in front of the gateway";

auto wrong(std::string_view text, std::string_view why) {
  return fail(Code::kInvalid, "--expose {}: {}; {}", text, why, kForms);
}

// What stands before the separator; the rest stays. Empty when there is none.
std::string take(std::string_view& text, std::string_view separator) {
  const size_t at = text.find(separator);
  if (at == std::string_view::npos) return "";
  const std::string out(text.substr(0, at));
  text.remove_prefix(at + separator.size());
  return out;
}

bool take_node_port(std::string_view& host, int& port) {
  const size_t colon = host.rfind(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view digits = host.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  host = host.substr(0, colon);
  return error == std::errc{} && end == digits.data() + digits.size() && port >= 1 && port <= 65535;
}

// [NAMESPACE/]GATEWAY/ before the host.
Status take_gateway(std::string_view text, std::string_view& rest, Expose& out) {
  const std::string_view names = rest.substr(0, rest.find("://"));  // a scheme's slashes are none of these
  const size_t slash = names.find('/');
  if (slash == std::string_view::npos) return wrong(text, "GATEWAY/HOST is needed");
  if (names.find('/', slash + 1) != std::string_view::npos) out.gateway_space = take(rest, "/");
  out.gateway = take(rest, "/");
  const bool has_space = !out.gateway_space.empty();
  if (!domain::check_name(out.gateway) || (has_space && !domain::check_name(out.gateway_space)))
    return wrong(text, "that is no name of a Gateway");
  return ok();
}

Result<Expose::Kind> kind_of(std::string_view word, std::string_view text) {
  using Kind = Expose::Kind;
  for (const auto& [name, kind] : {std::pair{"ClusterIP", Kind::kClusterIp},
                                   {"NodePort", Kind::kNodePort},
                                   {"LoadBalancer", Kind::kLoadBalancer},
                                   {"ingress", Kind::kIngress},
                                   {"httproute", Kind::kHttpRoute}})
    if (word == name) return kind;
  return wrong(text, "there is no such form");
}

}  // namespace

Result<Expose> parse_expose(std::string_view text) {
  const bool detailed = text.find(':') != std::string_view::npos;
  std::string_view rest = text;
  const auto kind = kind_of(detailed ? take(rest, ":") : std::string(text), text);
  if (!kind) return fail(kind.error());
  Expose out{.kind = *kind};
  const bool needs_host = *kind == Expose::Kind::kIngress || *kind == Expose::Kind::kHttpRoute;
  if (!detailed && needs_host) return wrong(text, "the host is missing");
  if (!detailed) return out;
  if (*kind == Expose::Kind::kClusterIp) return wrong(text, "ClusterIP has no host of its own");
  if (*kind == Expose::Kind::kHttpRoute)
    if (Status taken = take_gateway(text, rest, out); !taken) return fail(taken.error());
  if (const std::string scheme = take(rest, "://"); !scheme.empty()) out.scheme = scheme;
  if (out.scheme != "http" && out.scheme != "https") return wrong(text, "only http and https are served");
  if (*kind == Expose::Kind::kNodePort && !take_node_port(rest, out.port))
    return wrong(text, "HOST:PORT is needed, such as nodes.example.com:30080");
  out.host = rest;
  if (!domain::check_name(out.host)) return wrong(text, "that is no host name");
  return out;
}

std::string expose_text(const Expose& expose) {
  const std::string host = (expose.scheme == "https" ? "https://" : "") + expose.host;
  const std::string space = expose.gateway_space.empty() ? "" : expose.gateway_space + "/";
  switch (expose.kind) {
    case Expose::Kind::kClusterIp:
      return "ClusterIP";
    case Expose::Kind::kNodePort:
      return expose.port == 0 ? "NodePort" : fmt::format("NodePort:{}:{}", host, expose.port);
    case Expose::Kind::kLoadBalancer:
      return expose.host.empty() ? "LoadBalancer" : "LoadBalancer:" + host;
    case Expose::Kind::kIngress:
      return "ingress:" + host;
    case Expose::Kind::kHttpRoute:
      return fmt::format("httproute:{}{}/{}", space, expose.gateway, host);
  }
  return "";
}

std::string gateway_url(const Expose& expose) {
  // Pods know their namespace; so does this text, wherever it is installed.
  if (expose.host.empty()) return "http://slipway-gateway.$(POD_NAMESPACE).svc";
  const std::string port = expose.kind == Expose::Kind::kNodePort ? fmt::format(":{}", expose.port) : "";
  return fmt::format("{}://{}{}", expose.scheme, expose.host, port);
}

}  // namespace slipway::cli
