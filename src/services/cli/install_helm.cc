// The chart is made from the same objects: they are made with marks in the place of what people may set, in
// every variant that values choose between, and the marks become what helm fills in. So a chart cannot
// disagree with what install applies.
#include <algorithm>
#include <array>
#include <map>

#include <nlohmann/json.hpp>

#include "services/cli/install_formats.h"
#include "services/cli/internal/install_chart.h"

namespace slipway::cli {
namespace {

using json::Document;

// A line of an object, and what stands there in the chart. Where the mark is all of a list's item, or a field
// that may be absent, the condition takes the whole line.
struct Rule {
  std::string_view line;
  std::vector<std::string_view> lines;
};

const std::array<Rule, 19>& rules() {
  static const std::array<Rule, 19> kRules{{
      {"namespace: mark-ns", {"namespace: {{ .Release.Namespace }}"}},
      {"slipway.dev/installed-from: mark-ns", {"slipway.dev/installed-from: {{ .Release.Namespace }}"}},
      {"image: mark-image", {"image: {{ .Values.image | quote }}"}},
      {"- --image=mark-image", {"- {{ printf \"--image=%s\" .Values.image | quote }}"}},
      {"- --gateway-url=mark://mark-host",
       {"- {{ printf \"--gateway-url=%s\" (include \"slipway.url\" .) | quote }}"}},
      {"- --gateway-url=https://mark-host",
       {"- {{ printf \"--gateway-url=%s\" (include \"slipway.url\" .) | quote }}"}},
      {"- --pull-secret=mark-pull",
       {"{{- range .Values.pullSecrets }}", "- {{ printf \"--pull-secret=%s\" . | quote }}", "{{- end }}"}},
      {"- --cache-claim=mark-cache",
       {"{{- with .Values.cacheClaim }}", "- {{ printf \"--cache-claim=%s\" . | quote }}", "{{- end }}"}},
      {"imagePullSecrets:", {"{{- with .Values.pullSecrets }}", "imagePullSecrets:", "{{- range . }}"}},
      {"- name: mark-pull", {"- name: {{ . | quote }}", "{{- end }}", "{{- end }}"}},
      {"replicas: mark-replicas", {"replicas: {{ .Values.replicas }}"}},
      {"type: mark-type", {"type: {{ include \"slipway.serviceType\" . }}"}},
      {"nodePort: mark-port",
       {"{{- with include \"slipway.nodePort\" . }}", "nodePort: {{ . }}", "{{- end }}"}},
      {"storage: mark-size", {"storage: {{ .Values.registry.size | quote }}"}},
      {"storageClassName: mark-class",
       {"{{- with .Values.registry.storageClass }}", "storageClassName: {{ . | quote }}", "{{- end }}"}},
      {"- host: mark-host", {"- host: {{ include \"slipway.host\" . | quote }}"}},
      {"- mark-host", {"- {{ include \"slipway.host\" . | quote }}"}},
      {"name: mark-gateway", {"name: {{ include \"slipway.gateway\" . | quote }}"}},
      {"namespace: mark-space", {"namespace: {{ include \"slipway.gatewayNamespace\" . | quote }}"}},
  }};
  return kRules;
}

std::string with_rules(const std::string& text) {
  std::string out;
  for (size_t at = 0, end = 0; at < text.size(); at = end + 1) {
    end = std::min(text.find('\n', at), text.size());
    const std::string_view line(text.data() + at, end - at);
    const size_t indent = std::min(line.find_first_not_of(' '), line.size());
    const std::string_view content = line.substr(indent);
    const auto rule =
        std::find_if(rules().begin(), rules().end(), [&](const Rule& each) { return each.line == content; });
    if (rule == rules().end()) out.append(line).append("\n");
    if (rule == rules().end()) continue;
    for (const std::string_view each : rule->lines)
      out.append(each.starts_with("{{-") ? 0 : indent, ' ').append(each).append("\n");
  }
  return out;
}

InstallOptions marked(const InstallOptions& options) {
  return {.ns = "mark-ns",
          .image = "mark-image",
          .version = options.version,
          .part = Part::kAll,
          .expose = {.scheme = "mark",
                     .host = "mark-host",
                     .gateway_space = "mark-space",
                     .gateway = "mark-gateway"},
          .registry = {},
          .pull_secrets = {"mark-pull"},
          .cache_claim = "mark-cache",
          .policies = InstallOptions::Policies::kStrict};
}

// What options cannot say in words.
void mark(Document& object) {
  const std::string kind = json::text_of(object, "kind"), name = json::text_of(object["metadata"], "name");
  if (kind == "Deployment" && name == "slipway-gateway") object["spec"]["replicas"] = "mark-replicas";
  if (kind != "Service" || name != "slipway-gateway") return;
  object["spec"]["type"] = "mark-type";
  object["spec"]["ports"][0]["nodePort"] = "mark-port";
}

struct Entry {
  std::string key;  // Kind/name
  std::string component, text;
};

Result<std::vector<Entry>> entries(const InstallOptions& options) {
  std::vector<Entry> out;
  for (Document& object : install_objects(options)) {
    const std::string kind = json::text_of(object, "kind");
    if (kind == "CustomResourceDefinition") continue;
    mark(object);
    const auto text = to_stream({object});
    if (!text) return fail(text.error());
    const Document& metadata = object["metadata"];
    const std::string component =
        json::text_of(json::member(metadata, "labels"), "app.kubernetes.io/component");
    out.push_back({kind + "/" + json::text_of(metadata, "name"), component.empty() ? "users" : component,
                   with_rules(*text)});
    if (kind == "NetworkPolicy")
      out.back().text = "{{- if .Values.networkPolicies }}\n" + out.back().text + "{{- end }}\n";
  }
  return out;
}

// What is made when a condition holds. They are asked in this order; the last is what is made when none does.
struct Variant {
  std::string condition;
  InstallOptions options;
};

std::vector<Variant> variants_of(const InstallOptions& options) {
  const std::string exposed = R"((include "slipway.expose" .))";
  std::vector<Variant> out(6, Variant{.condition = "", .options = marked(options)});
  out[0].condition = ".Values.registry.enabled";
  out[0].options.registry = {.size = "mark-size", .storage_class = "mark-class"};
  out[1].condition = ".Values.allNamespaces";
  out[1].options.reach = Reach::kAllNamespaces;
  out[2].condition =
      fmt::format(R"(and (eq {} "ingress") (eq (include "slipway.scheme" .) "https"))", exposed);
  out[2].options.expose.kind = Expose::Kind::kIngress;
  out[2].options.expose.scheme = "https";
  out[3].condition = fmt::format(R"(eq {} "ingress")", exposed);
  out[3].options.expose.kind = Expose::Kind::kIngress;
  out[4].condition = fmt::format(R"(eq {} "httproute")", exposed);
  out[4].options.expose.kind = Expose::Kind::kHttpRoute;
  return out;
}

// One object as each variant has it; empty where it has none.
struct Varied {
  std::string key, component;
  std::vector<std::string> texts;
};

std::vector<Varied> by_object(const std::vector<std::vector<Entry>>& variants) {
  std::vector<Varied> out;
  for (size_t variant = 0; variant < variants.size(); ++variant)
    for (const Entry& entry : variants[variant]) {
      auto at =
          std::find_if(out.begin(), out.end(), [&](const Varied& each) { return each.key == entry.key; });
      if (at == out.end())
        at = out.insert(out.end(), {entry.key, entry.component, std::vector<std::string>(variants.size())});
      at->texts[variant] = entry.text;
    }
  return out;
}

// Conditions under which it is as it is without them are left out.
std::string chosen(const Varied& object, const std::vector<Variant>& variants) {
  const std::string& plain = object.texts.back();
  std::string out;
  for (size_t i = 0; i + 1 < variants.size(); ++i)
    if (object.texts[i] != plain)
      out += fmt::format("{{{{- {} {} }}}}\n{}", out.empty() ? "if" : "else if", variants[i].condition,
                         object.texts[i]);
  if (out.empty()) return plain;
  return out + (plain.empty() ? "" : "{{- else }}\n" + plain) + "{{- end }}\n";
}

// A gateway may stand alone, in a namespace that control sees to from another.
std::string of_part(const std::string& component, const std::string& text) {
  if (component == "server") return text;
  return fmt::format("{{{{- if ne .Values.only \"{}\" }}}}\n{}{{{{- end }}}}\n",
                     component == "gateway" ? "control" : "gateway", text);
}

Result<std::vector<RenderedFile>> definitions() {
  std::vector<RenderedFile> out;
  for (const Document& object :
       install_objects({.image = "none", .version = "none", .part = Part::kDefinitions})) {
    const auto text = to_stream({object});
    if (!text) return fail(text.error());
    const std::string name = json::text_of(object["metadata"], "name");
    out.push_back({"crds/" + name.substr(0, name.find('.')) + ".yaml", *text});
  }
  return out;
}

}  // namespace

Result<std::vector<RenderedFile>> render_helm(const InstallOptions& options) {
  auto out = definitions();
  if (!out) return fail(out.error());
  const std::vector<Variant> variants = variants_of(options);
  std::vector<std::vector<Entry>> made;
  for (const Variant& variant : variants) {
    auto of = entries(variant.options);
    if (!of) return fail(of.error());
    made.push_back(std::move(*of));
  }
  std::map<std::string, std::string> files;
  for (const Varied& object : by_object(made)) files[object.component] += chosen(object, variants);
  for (const auto& [component, text] : files)
    out->push_back({"templates/" + component + ".yaml", of_part(component, text)});
  out->push_back({"Chart.yaml", internal::chart_yaml(options)});
  out->push_back({"values.yaml", internal::chart_values(options)});
  out->push_back({"values.schema.json", std::string(internal::kChartSchema)});
  out->push_back({"templates/_helpers.tpl", std::string(internal::kChartHelpers)});
  out->push_back({"templates/NOTES.txt", std::string(internal::kChartNotes)});
  return out;
}

}  // namespace slipway::cli
