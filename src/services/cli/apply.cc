#include "services/cli/apply.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "services/cli/internal/manifests.h"
#include "services/cli/models.h"
#include "services/cli/own_registry.h"
#include "services/cli/platform.h"
#include "services/cli/resources.h"
#include "system/kube/yaml.h"
#include "system/os/child.h"
#include "system/os/replace_file.h"
#include "system/runtime/clock.h"
#include "values/domain/names.h"

namespace slipway::cli {
namespace {

using json::Document;

constexpr const char* kApplied =
    "kubectl.kubernetes.io/last-applied-configuration";  // kubectl's own: the two mix

const runtime::RealClock kClock;

// Written as kubectl writes it, so that neither finds a difference in what the other applied.
Document with_note(Document object, const std::string& ns) {
  if (!object["metadata"].contains("namespace")) object["metadata"]["namespace"] = ns;
  json::Document& notes = object["metadata"]["annotations"];
  if (notes.is_null()) notes = Document::object();
  notes.erase(kApplied);
  const Document bare = object;
  notes[kApplied] = json::canonical(bare) + "\n";
  return object;
}

Document applied_before(const Document& current) {
  const Document& notes = json::member(json::member(current, "metadata"), "annotations");
  auto applied = json::parse_document(json::text_of(notes, kApplied));
  return applied ? std::move(*applied) : Document::object();
}

enum class Outcome : uint8_t { kCreated, kConfigured, kUnchanged };
struct Applied {
  Outcome outcome;
  Document before, after;
};

Document parse(const std::string& text) {
  auto document = json::parse_document(text, {.bytes = 16 << 20});
  return document ? std::move(*document) : Document();
}

kube::Reply<Applied> apply_one(kube::Client& client, const std::string& ns, const Wanted& wanted,
                               kube::DryRun dry_run) {
  const kube::ObjectRef ref{resource_of(wanted.kind), ns, wanted.name};
  const kube::WriteOptions options{.dry_run = dry_run, .field_manager = "slipway-apply"};
  const Document noted = with_note(wanted.object, ns);
  const auto current = client.get(ref);
  if (!current && current.error().status != 404) return kube::refuse(current.error());
  if (!current) {
    const auto made = client.create(ref.resource, ns, json::canonical(noted), options);
    if (!made) return kube::refuse(made.error());
    return Applied{Outcome::kCreated, Document::object(), parse(made->json)};
  }
  const Document before = parse(current->json);
  const Document patch = three_way_patch(applied_before(before), noted, before);
  if (patch.empty()) return Applied{Outcome::kUnchanged, before, before};
  const std::string text = json::canonical(patch);
  const auto after = client.patch(ref, {.kind = kube::PatchKind::kMerge, .json = text}, options);
  if (!after) return kube::refuse(after.error());
  return Applied{Outcome::kConfigured, before, parse(after->json)};
}

std::string full_name(const Wanted& wanted) {
  return fmt::format("{}/{}",
                     domain::info(wanted.kind).plural.substr(0, domain::info(wanted.kind).plural.size() - 1),
                     wanted.name);
}

int apply(const Arguments& arguments) {
  const auto wanted = read_wanted(arguments.all("--filename"));
  if (!wanted) return complain(wanted.error().message);
  const auto platform = find_platform(arguments);
  if (!platform) return complain(platform.error().message);
  const auto client = platform->client();
  const bool dry_run = arguments.has("--dry-run"), table = arguments.get("--output") == "table";
  int code = kSuccess;
  for (const Wanted& each : *wanted) {
    const auto applied =
        apply_one(*client, platform->access.ns, each, dry_run ? kube::DryRun::kServer : kube::DryRun::kNo);
    if (!applied) {
      code = complain(fmt::format("{}: {}", each.where, platform->explain(applied.error())));
      continue;
    }
    const char* words[] = {"created", "configured", "unchanged"};
    const auto text = table ? Result<std::string>(fmt::format("{} {}{}\n", full_name(each),
                                                              words[static_cast<int>(applied->outcome)],
                                                              dry_run ? " (dry run)" : ""))
                            : show_object(each.kind, applied->after, parse_shown(arguments), kClock.wall());
    if (!text) return complain(text.error().message);
    std::fputs(text->c_str(), stdout);
  }
  return code;
}

// A folder of files that goes with it.
struct TemporaryFolder {
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "slipway-diff-XXXXXX").string();
    path = ::mkdtemp(pattern.data()) == nullptr ? "" : pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

// What changes by itself says nothing.
Document without_noise(Document object) {
  for (const char* name : {"resourceVersion", "generation", "managedFields", "uid", "creationTimestamp"})
    if (object.contains("metadata")) object["metadata"].erase(name);
  if (object.contains("metadata") && object["metadata"].contains("annotations")) {
    object["metadata"]["annotations"].erase(kApplied);
    if (object["metadata"]["annotations"].empty()) object["metadata"].erase("annotations");
  }
  object.erase("status");
  return object;
}

Result<bool> print_difference(const Wanted& wanted, const Applied& applied) {
  const TemporaryFolder folder;
  if (folder.path.empty()) return fail(Code::kDenied, "no temporary folder can be made");
  for (const auto& [name, object] :
       {std::pair{"/live", &applied.before}, std::pair{"/wanted", &applied.after}}) {
    const Document shown = without_noise(*object);
    const auto yaml = shown.empty() ? Result<std::string>("") : kube::json_to_yaml(json::canonical(shown));
    if (!yaml) return fail(yaml.error());
    if (Status written = os::replace_file(folder.path + name, *yaml, 0600); !written)
      return fail(written.error());
  }
  const auto end =
      os::run_child({.argv = {"/usr/bin/diff", "-u", "--label", "live " + full_name(wanted), "--label",
                              "wanted " + full_name(wanted) + " (" + wanted.where + ")",
                              folder.path + "/live", folder.path + "/wanted"}});
  if (!end) return fail(end.error());
  std::fputs(end->out.c_str(), stdout);
  if (end->exit_code > 1) return fail(Code::kUnavailable, "diff: {}", end->err);
  return end->exit_code == 1;
}

int diff(const Arguments& arguments) {
  const auto wanted = read_wanted(arguments.all("--filename"));
  if (!wanted) return complain(wanted.error().message), kUsage;
  const auto platform = find_platform(arguments);
  if (!platform) return complain(platform.error().message), kUsage;
  const auto client = platform->client();
  bool differs = false;
  for (const Wanted& each : *wanted) {
    const auto applied = apply_one(*client, platform->access.ns, each, kube::DryRun::kServer);
    if (!applied)
      return complain(fmt::format("{}: {}", each.where, platform->explain(applied.error()))), kUsage;
    const auto different = print_difference(each, *applied);
    if (!different) return complain(different.error().message), kUsage;
    differs = differs || *different;
  }
  return differs ? kFailed : kSuccess;
}

// The repository that the version's files lie in, when it is one of the platform's own registry.
std::optional<std::string> own_repository(const Platform& platform, kube::Client& client,
                                          const std::string& version) {
  const auto object = client.get({resource_of(domain::Kind::kModelVersion), platform.access.ns, version});
  const auto document = object ? json::parse_document(object->json) : Result<Document>(Document());
  const auto parsed = document ? domain::parse_model_version(*document)
                               : Result<domain::ModelVersion>(fail(document.error()));
  const auto artifact = parsed ? parse_artifact(parsed->artifact) : Result<Artifact>(fail(parsed.error()));
  if (!artifact || !artifact->registry.empty()) return std::nullopt;
  return artifact->repository;
}

// The tag that push gave the version would keep its files for ever.
void remove_tag(const Platform& platform, const std::string& version, const std::string& repository) {
  const auto name = domain::parse_version_name(version);
  auto registry = own_registry(platform, {});
  if (!name || !registry) return;
  const oci::Reference tag{.tag = fmt::format("{}", name->version), .digest = {}};
  if (Status gone = (*registry)->remove_manifest(repository, tag);
      !gone && gone.error().code != Code::kNotFound)
    std::fprintf(stderr, "warning: %s\n", gone.error().message.c_str());
}

int remove_one(const Platform& platform, kube::Client& client, domain::Kind kind, const std::string& name,
               const Arguments& arguments) {
  const std::string& ns = platform.access.ns;
  const auto repository = kind == domain::Kind::kModelVersion ? own_repository(platform, client, name)
                                                              : std::optional<std::string>();
  const auto removed = client.remove({resource_of(kind), ns, name});
  const std::string shown =
      fmt::format("{}/{}", domain::info(kind).plural.substr(0, domain::info(kind).plural.size() - 1), name);
  if (!removed && removed.error().reason == "NotFound" && arguments.has("--ignore-not-found"))
    return kSuccess;
  if (!removed) return complain(platform.explain(removed.error()));
  if (repository) remove_tag(platform, name, *repository);
  std::printf(arguments.get("--output") == "name" ? "%s\n" : "%s deleted\n", shown.c_str());
  return kSuccess;
}

int remove(const Arguments& arguments) {
  const std::vector<std::string> words = arguments.all("TYPE[/NAME]");
  if (words.empty() == arguments.all("--filename").empty())
    return complain("say what to delete: TYPE/NAME, or -f FILE"), kUsage;
  const auto platform = find_platform(arguments);
  if (!platform) return complain(platform.error().message);
  const auto client = platform->client();
  int code = kSuccess;
  if (!words.empty()) {
    auto named = parse_named(words);
    if (!named) return complain(named.error().message), kUsage;
    const bool many = arguments.has("--all") || arguments.has("--selector");
    if (named->names.empty() && !many) return complain("which ones? Give names, -l LABELS, or --all"), kUsage;
    if (many) {
      const auto list = client->list({.resource = resource_of(named->kind),
                                      .ns = platform->access.ns,
                                      .label_selector = arguments.get("--selector"),
                                      .field_selector = ""});
      if (!list) return complain(platform->explain(list.error()));
      for (const kube::Object& item : list->items) named->names.push_back(item.name);
    }
    for (const std::string& name : named->names)
      code = std::max(code, remove_one(*platform, *client, named->kind, name, arguments));
    return code;
  }
  const auto wanted = read_wanted(arguments.all("--filename"));
  if (!wanted) return complain(wanted.error().message);
  for (const Wanted& each : *wanted)
    code = std::max(code, remove_one(*platform, *client, each.kind, each.name, arguments));
  return code;
}

const Option kFiles{.names = "-f,--filename",
                    .value = "FILE",
                    .help = "A YAML or JSON file, a folder of them, or - for standard input; may be repeated",
                    .times = Times::kAnyNumber};

Option needed(Option option) {
  option.times = Times::kAnyNumber;
  return option;
}

std::function<int(const Arguments&)> with_files(int (*run)(const Arguments&)) {
  return [run](const Arguments& arguments) {
    if (arguments.all("--filename").empty())
      return complain("which file? Say -f FILE, or -f - for standard input"), static_cast<int>(kUsage);
    return run(arguments);
  };
}

// What a merge patch has to say about one member.
void patch_member(Document& patch, const std::string& name, const Document& wanted, const Document* current,
                  const Document* applied) {
  if (current != nullptr && wanted == *current) return;
  if (!wanted.is_object() || current == nullptr || !current->is_object()) {
    patch[name] = wanted;
    return;
  }
  Document inner = three_way_patch(applied == nullptr ? Document::object() : *applied, wanted, *current);
  if (!inner.empty()) patch[name] = std::move(inner);
}

}  // namespace

Document three_way_patch(const Document& applied, const Document& wanted, const Document& current) {
  Document patch = Document::object();
  const auto find = [](const Document& object, const std::string& name) {
    return object.is_object() && object.contains(name) ? &object[name] : nullptr;
  };
  for (const auto& [name, value] : wanted.items())
    patch_member(patch, name, value, find(current, name), find(applied, name));
  for (const auto& [name, value] : applied.items())
    if (!wanted.contains(name) && find(current, name) != nullptr) patch[name] = nullptr;
  return patch;
}

Command apply_command() {
  return {
      .name = "apply",
      .summary = "Create or change resources as files say",
      .description =
          "Fields that the files do not name stay as they are; fields that they named last time and no "
          "longer do are removed. Mixes\nwith `kubectl apply`. Unknown fields are refused.",
      .options = with_platform(
          {needed(kFiles),
           {.names = "--dry-run", .value = "", .help = "Let the server check everything and store nothing"},
           output_option()}),
      .examples = {"slipway apply -f credit.yaml", "cat credit.yaml | slipway apply -f -",
                   "slipway apply -f manifests/ --dry-run"},
      .run = with_files(apply)};
}

Command diff_command() {
  return {.name = "diff",
          .summary = "Show what apply would change",
          .description = "Ends with 0 when nothing would change, 1 when something would, 2 when it failed.",
          .options = with_platform({needed(kFiles)}),
          .examples = {"slipway diff -f credit.yaml"},
          .run = with_files(diff)};
}

Command delete_command() {
  return {.name = "delete",
          .summary = "Delete resources",
          .positionals = {{.name = "TYPE[/NAME]",
                           .help = "modelversions (mv) or modeldeployments (md); then names",
                           .times = Times::kAnyNumber}},
          .options = with_platform(
              {needed(kFiles),
               {.names = "-l,--selector", .value = "LABELS", .help = "Those with these labels"},
               {.names = "--all", .value = "", .help = "All of that type"},
               {.names = "--ignore-not-found", .value = "", .help = "What is not there counts as deleted"},
               {.names = "-o,--output",
                .value = "FORMAT",
                .help = "text or name",
                .fallback = "text",
                .choices = {"text", "name"}}}),
          .examples = {"slipway delete md/credit", "slipway delete mv credit-1 credit-2",
                       "slipway delete -f credit.yaml"},
          .run = remove};
}

}  // namespace slipway::cli
