#include "services/cli/get.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "services/cli/platform.h"
#include "services/cli/resources.h"
#include "system/kube/watch.h"
#include "system/kube/yaml.h"
#include "system/os/files.h"
#include "values/domain/definitions.h"
#include "values/schema/table.h"

namespace slipway::cli {
namespace {

using json::Document;

const runtime::RealClock kClock;

int print(const Result<std::string>& text) {
  if (!text) return complain(text.error().message);
  std::fputs(text->c_str(), stdout);
  std::fflush(stdout);
  return kSuccess;
}

Document parse(const std::string& text) {
  auto document = json::parse_document(text, {.bytes = 64 << 20});
  return document ? std::move(*document) : Document();
}

kube::ListQuery to_query(const Arguments& arguments, domain::Kind kind, const std::string& ns) {
  return {.resource = resource_of(kind),
          .ns = arguments.has("--all-namespaces") ? "" : ns,
          .label_selector = arguments.get("--selector"),
          .field_selector = arguments.get("--field-selector")};
}

// Times have whole seconds: within one, the order of the writes tells what came first.
void sort_by_time(std::vector<Document>& events) {
  const auto written = [](const Document& event) {
    const std::string version = json::text_of(json::member(event, "metadata"), "resourceVersion");
    return std::strtoull(version.c_str(), nullptr, 10);
  };
  std::sort(events.begin(), events.end(), [&](const Document& a, const Document& b) {
    const std::string first = json::text_of(a, "lastTimestamp"), second = json::text_of(b, "lastTimestamp");
    return first != second ? first < second : written(a) < written(b);
  });
}

// Objects as they come, one after the other; a table has its head once.
class Printer {
 public:
  Printer(domain::Kind kind, Shown shown) : kind_(kind), shown_(shown) {}

  Status print(const Document& object) {
    const auto text = show_object(kind_, object, shown_, kClock.wall());
    if (!text) return fail(text.error());
    const bool table = shown_ == Shown::kTable || shown_ == Shown::kWide;
    const bool head_due = std::exchange(head_due_, false);
    std::fputs(text->c_str() + (table && !head_due ? text->find('\n') + 1 : 0), stdout);
    std::fflush(stdout);
    return ok();
  }

 private:
  const domain::Kind kind_;
  const Shown shown_;
  bool head_due_ = true;
};

// One line for each change, until the caller is told to stop. Events that were there come in their order, so
// they wait until they are complete.
int watch(const Platform& platform, const Arguments& arguments, domain::Kind kind,
          const std::string& field_selector) {
  const kube::ListQuery query = to_query(arguments, kind, platform.access.ns);
  kube::Watch changes(platform.access,
                      {.resource = query.resource,
                       .ns = query.ns,
                       .label_selector = query.label_selector,
                       .field_selector = field_selector,
                       .start = kube::WatchQuery::Start::kListFirst,
                       .resource_version = ""},
                      kClock);
  Printer printer(kind, parse_shown(arguments));
  const bool ordered = kind == domain::Kind::kEvent;
  bool listed = false;
  std::vector<Document> waiting;
  while (true) {
    const auto event = changes.next();
    if (!event && event.error().expired()) {
      listed = false;
      waiting.clear();
      continue;
    }
    if (!event) return complain(platform.explain(event.error()));
    listed = listed || event->initial_end;
    if (event->type != kube::WatchEvent::Type::kBookmark) waiting.push_back(parse(event->object.json));
    if (ordered && !listed) continue;
    if (ordered) sort_by_time(waiting);
    for (const Document& object : std::exchange(waiting, {}))
      if (Status done = printer.print(object); !done) return complain(done.error().message);
  }
}

int get_named(const Platform& platform, const Arguments& arguments, const Named& named) {
  const auto client = platform.client();
  std::vector<Document> objects;
  int code = kSuccess;
  for (const std::string& name : named.names) {
    const auto object = client->get({resource_of(named.kind), platform.access.ns, name});
    if (object)
      objects.push_back(parse(object->json));
    else
      code = complain(platform.explain(object.error()));
  }
  if (objects.empty()) return code;
  const Shown shown = parse_shown(arguments);
  const int printed =
      print(named.names.size() == 1 ? show_object(named.kind, objects[0], shown, kClock.wall())
                                    : show_list(named.kind, objects, shown, kClock.wall()));
  return code == kSuccess ? printed : code;
}

int get(const Arguments& arguments) {
  const auto named = parse_named(arguments.all("TYPE[/NAME]"));
  if (!named) return complain(named.error().message), kUsage;
  const auto platform = find_platform(arguments);
  if (!platform) return complain(platform.error().message);
  if (arguments.has("--watch"))
    return watch(
        *platform, arguments, named->kind,
        named->names.empty() ? arguments.get("--field-selector") : "metadata.name=" + named->names[0]);
  if (!named->names.empty()) return get_named(*platform, arguments, *named);
  const auto list = platform->client()->list(to_query(arguments, named->kind, platform->access.ns));
  if (!list) return complain(platform->explain(list.error()));
  std::vector<Document> objects;
  for (const kube::Object& item : list->items) objects.push_back(parse(item.json));
  const Shown shown = parse_shown(arguments);
  if (objects.empty() && (shown == Shown::kTable || shown == Shown::kWide)) {
    std::fprintf(stderr, "no %s in namespace %s\n", std::string(domain::info(named->kind).plural).c_str(),
                 platform->access.ns.c_str());
    return kSuccess;
  }
  return print(show_list(named->kind, objects, shown, kClock.wall()));
}

std::string events_text(const Platform& platform, const std::string& ns, const std::string& field_selector) {
  const auto events = platform.client()->list({.resource = resource_of(domain::Kind::kEvent),
                                               .ns = ns,
                                               .label_selector = "",
                                               .field_selector = field_selector});
  if (!events) return "  " + platform.explain(events.error()) + "\n";
  std::vector<Document> objects;
  for (const kube::Object& item : events->items) objects.push_back(parse(item.json));
  sort_by_time(objects);
  if (objects.empty()) return "  none\n";
  Table table{.head = {"  TYPE", "REASON", "LAST SEEN", "MESSAGE"}, .rows = {}};
  for (const Document& event : objects) {
    const auto cells = schema::row_cells(domain::definition(domain::Kind::kEvent), event, kClock.wall());
    table.rows.push_back({"  " + safe(json::text_of(event, "type")), safe(json::text_of(event, "reason")),
                          cells[1].is_string() ? cells[1].get<std::string>() : "",
                          safe(json::text_of(event, "message"))});
  }
  return to_text(table);
}

std::string indent(const std::string& text) {
  std::string out = "  ";
  for (const char c : text) out += c == '\n' ? std::string("\n  ") : std::string(1, c);
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string describe_text(const Platform& platform, domain::Kind kind, const Document& object) {
  const Document& metadata = json::member(object, "metadata");
  std::string out =
      fmt::format("Name:       {}\nNamespace:  {}\nKind:       {}\n", json::text_of(metadata, "name"),
                  json::text_of(metadata, "namespace"), domain::info(kind).name);
  const auto line = [&](const char* label, const Document& texts) {
    std::string joined;
    for (const auto& [key, value] : texts.items())
      if (!key.starts_with("kubectl.kubernetes.io/last-applied"))
        joined += fmt::format("{}{}={}", joined.empty() ? "" : ", ", key,
                              safe(value.is_string() ? value.get<std::string>() : ""));
    out += fmt::format("{:<11} {}\n", label, joined.empty() ? "none" : joined);
  };
  line("Labels:", json::member(metadata, "labels"));
  line("Notes:", json::member(metadata, "annotations"));
  const auto created = schema::parse_rfc3339(json::text_of(metadata, "creationTimestamp"));
  out += fmt::format("Created:    {} ({} ago)\n", json::text_of(metadata, "creationTimestamp"),
                     created ? schema::human_age(*created, kClock.wall()) : "?");
  for (const char* part : {"spec", "status"}) {
    const Document& content = json::member(object, part);
    const auto yaml =
        content.is_null() ? Result<std::string>("none\n") : kube::json_to_yaml(json::canonical(content));
    out += fmt::format("{}:\n{}", part == std::string("spec") ? "Spec" : "Status", indent(yaml ? *yaml : ""));
  }
  const std::string selector = fmt::format("involvedObject.name={},involvedObject.uid={}",
                                           json::text_of(metadata, "name"), json::text_of(metadata, "uid"));
  return out + "Events:\n" + events_text(platform, json::text_of(metadata, "namespace"), selector);
}

int describe(const Arguments& arguments) {
  auto named = parse_named(arguments.all("TYPE[/NAME]"));
  if (!named) return complain(named.error().message), kUsage;
  const auto platform = find_platform(arguments);
  if (!platform) return complain(platform.error().message);
  const auto client = platform->client();
  if (named->names.empty()) {
    const auto list = client->list({.resource = resource_of(named->kind),
                                    .ns = platform->access.ns,
                                    .label_selector = "",
                                    .field_selector = ""});
    if (!list) return complain(platform->explain(list.error()));
    for (const kube::Object& item : list->items) named->names.push_back(item.name);
  }
  for (const std::string& name : named->names) {
    const auto object = client->get({resource_of(named->kind), platform->access.ns, name});
    if (!object) return complain(platform->explain(object.error()));
    std::printf("%s%s", name == named->names.front() ? "" : "\n",
                describe_text(*platform, named->kind, parse(object->json)).c_str());
  }
  return kSuccess;
}

int events(const Arguments& arguments) {
  const auto platform = find_platform(arguments);
  if (!platform) return complain(platform.error().message);
  const Named all{.kind = domain::Kind::kEvent, .names = {}};
  std::string selector;
  if (arguments.has("--for")) {
    const auto named = parse_named({arguments.get("--for")});
    if (!named || named->names.size() != 1)
      return complain("--for " + arguments.get("--for") + ": say TYPE/NAME, such as mv/credit-3"), kUsage;
    selector = fmt::format("involvedObject.kind={},involvedObject.name={}", domain::info(named->kind).name,
                           named->names[0]);
  }
  if (arguments.has("--watch")) return watch(*platform, arguments, all.kind, selector);
  const auto list = platform->client()->list({.resource = resource_of(all.kind),
                                              .ns = platform->access.ns,
                                              .label_selector = "",
                                              .field_selector = selector});
  if (!list) return complain(platform->explain(list.error()));
  std::vector<Document> objects;
  for (const kube::Object& item : list->items) objects.push_back(parse(item.json));
  sort_by_time(objects);
  if (objects.empty() && parse_shown(arguments) == Shown::kTable)
    return std::fprintf(stderr, "no events\n"), kSuccess;
  return print(show_list(all.kind, objects, parse_shown(arguments), kClock.wall()));
}

int kubeconfig(const Arguments& arguments) {
  const auto platform = find_platform(arguments);
  if (!platform) return complain(platform.error().message);
  kube::Access access = platform->access;
  access.context = "slipway";
  if (!arguments.has("--merge")) return print(kube::write_kubeconfig(access));
  const char* own = std::getenv("KUBECONFIG");
  const char* home = std::getenv("HOME");
  const std::string path =
      kube::kubeconfig_files(own == nullptr ? "" : own, home == nullptr ? "" : home).front();
  const auto existing = os::read_file(path, 4 << 20);
  if (!existing && existing.error().code != Code::kNotFound) return complain(existing.error().message);
  const auto merged = kube::merge_kubeconfig(existing ? *existing : "", path, access);
  if (!merged) return complain(merged.error().message);
  if (Status saved = kube::save_kubeconfig(path, *merged); !saved) return complain(saved.error().message);
  std::printf("context slipway is in %s; use it with: kubectl --context slipway get modelversions\n",
              path.c_str());
  return kSuccess;
}

const Positional kNamed{.name = "TYPE[/NAME]",
                        .help = "modelversions (mv), modeldeployments (md), events (ev); then names",
                        .times = Times::kAnyNumber};

// At least one word is needed.
std::function<int(const Arguments&)> with_type(int (*run)(const Arguments&)) {
  return [run](const Arguments& arguments) {
    if (arguments.all("TYPE[/NAME]").empty())
      return complain("which resources? modelversions (mv), modeldeployments (md) or events (ev)"),
             static_cast<int>(kUsage);
    return run(arguments);
  };
}

const Option kSelector{.names = "-l,--selector",
                       .value = "LABELS",
                       .help = "Only those with these labels: team=risk,tier!=test"};
const Option kWatch{.names = "-w,--watch", .value = "", .help = "Stay and show every change"};

}  // namespace

Command get_command() {
  return {
      .name = "get",
      .summary = "Show resources",
      .positionals = {kNamed},
      .options = with_platform({output_option(),
                                kSelector,
                                kWatch,
                                {.names = "--field-selector",
                                 .value = "FIELDS",
                                 .help = "Only those with these fields: metadata.name=credit"},
                                {.names = "-A,--all-namespaces", .value = "", .help = "Of all namespaces"}}),
      .examples = {"slipway get modelversions", "slipway get mv -l team=risk -o wide",
                   "slipway get md/credit -o yaml", "slipway get md -w"},
      .run = with_type(get)};
}

Command describe_command() {
  return {.name = "describe",
          .summary = "Show a resource with its status and events",
          .positionals = {kNamed},
          .options = platform_options(),
          .examples = {"slipway describe mv/credit-3", "slipway describe md"},
          .run = with_type(describe)};
}

Command events_command() {
  return {
      .name = "events",
      .summary = "Show what happened, oldest first",
      .options = with_platform(
          {output_option(),
           {.names = "--for", .value = "TYPE/NAME", .help = "Only what happened to this resource"},
           kWatch}),
      .examples = {"slipway events", "slipway events --for md/credit", "slipway events --for md/credit -w"},
      .run = events};
}

Command kubeconfig_command() {
  return {.name = "kubeconfig",
          .summary = "Print the kubeconfig of the platform, or add it to kubectl's",
          .options = with_platform({{.names = "--merge",
                                     .value = "",
                                     .help = "Add the context `slipway` to $KUBECONFIG or ~/.kube/config"}}),
          .examples = {"slipway kubeconfig > slipway.kubeconfig",
                       "slipway kubeconfig --merge && kubectl --context slipway get mv"},
          .run = kubeconfig};
}

}  // namespace slipway::cli
