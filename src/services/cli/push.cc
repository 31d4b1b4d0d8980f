#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "services/cli/models.h"
#include "services/cli/own_registry.h"
#include "services/cli/platform.h"
#include "services/cli/progress.h"
#include "services/cli/registries.h"
#include "services/cli/resources.h"
#include "system/os/child.h"
#include "system/os/files.h"
#include "values/domain/condition.h"
#include "values/domain/model_version.h"
#include "values/domain/names.h"

namespace slipway::cli {
namespace {

using json::Document;

constexpr int kNumberAttempts = 20;  // of a version's number, when others push at the same time
const runtime::RealClock kClock;

// ---- What is pushed
// ----------------------------------------------------------------------------------------------------

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string whoever_pushes() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const std::string user = environment("USER");
  return fmt::format("{}@{}", user.empty() ? fmt::format("uid{}", ::getuid()) : user, host.data());
}

// The confined child that reads the files before anything is sent.
Result<Document> inspect(const std::string& path) {
  const auto end = os::run_child({.argv = {"/proc/self/exe", "inspect", "-o", "json", "--", path},
                                  .timeout = std::chrono::seconds(120)});
  if (!end) return fail(end.error());
  if (end->timed_out)
    return fail(Code::kTimeout, "{}: reading it took longer than two minutes; push it again when less runs",
                path);
  auto found = json::parse_document(end->out, {.bytes = 16 << 20});
  if (!found)
    return fail(Code::kInvalid, "{}: it could not be inspected: {}", path,
                end->signal != 0 ? fmt::format("its reader was ended by signal {}", end->signal) : end->err);
  if (const std::string error = json::text_of(*found, "error"); !error.empty())
    return fail(Code::kInvalid, "{}", error);
  return std::move(*found);
}

std::vector<domain::TensorFacts> to_facts(const Document& specs) {
  std::vector<domain::TensorFacts> out;
  for (const Document& spec : specs) {
    domain::TensorFacts tensor{
        .name = json::text_of(spec, "name"), .datatype = json::text_of(spec, "datatype"), .shape = {}};
    for (const Document& dimension : json::member(spec, "shape"))
      if (dimension.is_number_integer()) tensor.shape.push_back(dimension.get<int64_t>());
    out.push_back(std::move(tensor));
  }
  return out;
}

struct Push {
  std::string path, model;
  Artifact to;      // no registry: the platform's own
  std::string tag;  // that --to says; may be empty
  domain::Labels labels;
  LocalFiles local;
  oci::ModelManifest manifest;
  Digest digest;
  domain::ModelVersion version;
};

// REGISTRY/REPOSITORY[:TAG]
Status read_target(const std::string& text, Push& out) {
  const size_t slash = text.rfind('/'), colon = text.rfind(':');
  const bool tagged = slash != std::string::npos && colon != std::string::npos && colon > slash;
  if (tagged) out.tag = text.substr(colon + 1);
  if (tagged)
    if (Status fine = oci::check_tag(out.tag); !fine) return fail(fine.error());
  // As an artifact's name is read, which has a digest behind it.
  auto artifact = parse_artifact(text.substr(0, tagged ? colon : text.size()) + "@" + Digest().str());
  if (!artifact || artifact->registry.empty())
    return fail(Code::kInvalid,
                "--to {}: say REGISTRY/REPOSITORY[:TAG], such as registry.example.org/team/credit{}", text,
                artifact ? "" : "; " + artifact.error().message);
  out.to = std::move(*artifact);
  complete_name(out.to);
  return ok();
}

Result<Push> prepare(const Arguments& arguments) {
  Push out{.path = arguments.get("PATH"), .model = arguments.get("--name")};
  while (out.path.size() > 1 && out.path.ends_with('/')) out.path.pop_back();
  if (arguments.has("--to"))
    if (Status read = read_target(arguments.get("--to"), out); !read) return fail(read.error());
  // The last word of a repository is as good a name as its owner could give.
  if (out.model.empty() && arguments.has("--to"))
    out.model = out.to.repository.substr(out.to.repository.rfind('/') + 1);
  if (out.model.empty()) return fail(Code::kInvalid, "say --name MODEL: the model that it is a version of");
  if (out.model.size() > 45 || !domain::check_name(out.model) || out.model.find('.') != std::string::npos ||
      out.model.front() < 'a')
    return fail(Code::kInvalid,
                "--name {}: a model's name is at most 45 lower-case letters, digits and '-', and starts with "
                "a letter",
                out.model);
  for (const std::string& label : arguments.all("--label")) {
    const size_t equals = label.find('=');
    if (equals == std::string::npos) return fail(Code::kInvalid, "--label {}: say KEY=VALUE", label);
    const std::string key = label.substr(0, equals), value = label.substr(equals + 1);
    for (const Status& fine : {domain::check_label_key(key), domain::check_label_value(value)})
      if (!fine) return fail(within("--label " + label, fine.error()));
    out.labels[key] = value;
  }
  const auto found = inspect(out.path);
  if (!found) return fail(found.error());
  auto local = read_local_files(out.path);
  if (!local) return fail(local.error());
  out.local = std::move(*local);
  out.manifest = oci::make_model_manifest(out.local.files, json::text_of(*found, "format"));
  out.digest = base::sha256(out.manifest.manifest);
  if (out.to.registry.empty()) out.to.repository = out.model;
  out.to.digest = out.digest;
  out.version = {.model = out.model,
                 .digest = out.digest.str(),
                 .format = json::text_of(*found, "format"),
                 .framework = json::text_of(*found, "framework"),
                 .description = arguments.get("--describe"),
                 .size = static_cast<int64_t>(out.local.bytes),
                 .inputs = to_facts(json::member(*found, "inputs")),
                 .outputs = to_facts(json::member(*found, "outputs")),
                 .source = out.path.substr(0, 1024),
                 .pushed_by = whoever_pushes(),
                 .tool = "slipway"};
  return out;
}

// ---- Sending it
// ---------------------------------------------------------------------------------------------------------

// Where a broken-off upload of that file is remembered.
std::string resume_file(const Push& push, const std::string& where, const Digest& digest) {
  const std::string state = environment("XDG_STATE_HOME").empty() ? environment("HOME") + "/.local/state"
                                                                  : environment("XDG_STATE_HOME");
  return fmt::format("{}/slipway/uploads/{}", state,
                     base::sha256(where + " " + push.to.repository + " " + digest.str()).hex());
}

using Open = std::function<Result<std::unique_ptr<oci::RegistryClient>>(oci::ClientOptions)>;

// Gives the bytes that had to be sent. `where` tells this registry from others.
Result<uint64_t> send_files(const Open& open, const Push& push, const std::string& where) {
  Progress progress("pushing " + push.model, push.local.bytes);
  const auto registry = open({.on_progress = [&](uint64_t bytes) { progress.add(bytes); }});
  if (!registry) return fail(registry.error());
  uint64_t out = 0;
  for (const oci::ModelFile& each : push.local.files) {
    const auto file = os::open_file(push.local.root + "/" + each.path);
    if (!file) return fail(file.error());
    if (file->size != each.size)
      return fail(Code::kInvalid, "{}: it changed while it was pushed; push it again", file->path);
    const auto sent =
        (*registry)->push_blob(push.to.repository, *file, each.digest, resume_file(push, where, each.digest));
    if (!sent) return fail(sent.error());
    out += *sent;
  }
  if (const auto config = (*registry)->push_text(push.to.repository, push.manifest.config); !config)
    return fail(config.error());
  const oci::Reference whole{.tag = "", .digest = push.digest};
  if (Status manifest = (*registry)->push_manifest(push.to.repository, whole, push.manifest.manifest);
      !manifest)
    return fail(manifest.error());
  return out;
}

// For those who speak to the registry alone, and for registries that throw away what has no tag. A version
// does not need it.
void set_tag(const Open& open, const Push& push, const std::string& tag) {
  const auto registry = open({});
  if (!registry) return;
  if (Status tagged =
          (*registry)->push_manifest(push.to.repository, {.tag = tag, .digest = {}}, push.manifest.manifest);
      !tagged)
    std::fprintf(stderr, "warning: the registry has no tag %s: %s\n", tag.c_str(),
                 tagged.error().message.c_str());
}

// Credentials and addresses, in the words of whoever gave them.
Error with_place(const Push& push, Error error) {
  if (push.to.registry.empty()) return error;
  const bool denied = error.code == Code::kDenied;
  return base::within(
      fmt::format("pushing to {}/{}", push.to.registry, push.to.repository),
      {error.code,
       error.message + (denied ? "; does the docker configuration ($DOCKER_CONFIG, --docker-config) "
                                 "hold the right to push there?"
                               : "")});
}

// ---- Making it a version
// ------------------------------------------------------------------------------------------------

struct Known {
  int64_t highest = 0;
  std::optional<domain::ModelVersion> same;  // the newest with the same content in the same place
};

kube::Reply<Known> known_versions(kube::Client& client, const std::string& ns, const Push& push) {
  const auto list = client.list({.resource = resource_of(domain::Kind::kModelVersion),
                                 .ns = ns,
                                 .label_selector = "",
                                 .field_selector = ""});
  if (!list) return kube::refuse(list.error());
  Known out;
  for (const kube::Object& item : list->items) {
    const auto document = json::parse_document(item.json);
    const auto version = document ? domain::parse_model_version(*document)
                                  : Result<domain::ModelVersion>(fail(document.error()));
    if (!version || version->model != push.model) continue;
    if (version->artifact == push.to.str() && (!out.same || version->version > out.same->version))
      out.same = *version;
    out.highest = std::max(out.highest, version->version);
  }
  return out;
}

std::string to_object(const Push& push) {
  Document object = domain::to_content(push.version);
  object["apiVersion"] = domain::api_version(domain::Kind::kModelVersion);
  object["kind"] = "ModelVersion";
  object["metadata"] = {{"name", push.version.name()}};
  if (!push.labels.empty()) object["metadata"]["labels"] = push.labels;
  return json::canonical(object);
}

bool has_content_of(const kube::Object& object, const Push& push) {
  const auto document = json::parse_document(object.json);
  const auto version = document ? domain::parse_model_version(*document)
                                : Result<domain::ModelVersion>(fail(document.error()));
  return version && version->digest == push.digest.str();
}

// The next number, and the one after it when somebody else took it for another content. The same content at
// the same time is one version, whoever was first: also when it was us, and the answer was lost.
kube::Reply<kube::Object> create_version(kube::Client& client, const std::string& ns, Push& push,
                                         int64_t highest) {
  const kube::Resource resource = resource_of(domain::Kind::kModelVersion);
  for (int attempt = 1;; ++attempt) {
    push.version.version = highest + attempt;
    auto made = client.create(resource, ns, to_object(push));
    if (made || !made.error().already_exists()) return made;
    if (auto there = client.get({resource, ns, push.version.name()}); there && has_content_of(*there, push))
      return there;
    if (attempt == kNumberAttempts) return made;
  }
}

// For people who look later; what is pushed does not depend on it.
void record_event(kube::Client& client, const std::string& ns, const Push& push,
                  const kube::Object& version) {
  const std::string now = base::rfc3339(kClock.wall()).substr(0, 19) + "Z";
  const Document event{{"apiVersion", "v1"},
                       {"kind", "Event"},
                       {"metadata", {{"generateName", version.name + "."}, {"namespace", ns}}},
                       {"involvedObject",
                        {{"apiVersion", domain::api_version(domain::Kind::kModelVersion)},
                         {"kind", "ModelVersion"},
                         {"name", version.name},
                         {"namespace", ns},
                         {"uid", version.uid}}},
                       {"reason", std::string(domain::name(domain::Reason::kPushed))},
                       {"message", fmt::format("{} ({}, {}) was pushed by {}", push.version.format,
                                               human_bytes(push.local.bytes), push.digest.str().substr(0, 19),
                                               push.version.pushed_by)},
                       {"type", "Normal"},
                       {"source", {{"component", "slipway-push"}}},
                       {"reportingComponent", "slipway-push"},
                       {"firstTimestamp", now},
                       {"lastTimestamp", now},
                       {"count", 1}};
  static_cast<void>(client.create(resource_of(domain::Kind::kEvent), ns, json::canonical(event)));
}

int print_version(const Arguments& arguments, const std::string& json, const domain::ModelVersion& version,
                  std::string_view note) {
  if (arguments.get("--output") == "table") {
    std::printf("%s:%lld %s%s\n", version.model.c_str(), static_cast<long long>(version.version),
                version.digest.c_str(), std::string(note).c_str());
    return kSuccess;
  }
  const auto document = json::parse_document(json);
  const auto text = show_object(domain::Kind::kModelVersion, document ? *document : Document(),
                                parse_shown(arguments), kClock.wall());
  if (!text) return complain(text.error().message);
  std::fputs(text->c_str(), stdout);
  return kSuccess;
}

// The number, where its repository is the model's own; else with the model's name.
std::string tag_of(const Push& push) {
  const bool own = push.to.repository.substr(push.to.repository.rfind('/') + 1) == push.model;
  return own ? fmt::format("{}", push.version.version) : push.version.name();
}

int push_files_alone(const Open& open, Push& push) {
  const auto sent = send_files(open, push, push.to.registry);
  if (!sent) return complain(with_place(push, sent.error()).message);
  set_tag(open, push, push.tag.empty() ? push.digest.hex().substr(0, 12) : push.tag);
  std::printf("%s/%s@%s%s\n", push.to.registry.c_str(), push.to.repository.c_str(), push.digest.str().c_str(),
              *sent == 0 ? " (every file was there already)" : "");
  return kSuccess;
}

int push_version(const Arguments& arguments, const Platform& platform, const Open& open, Push& push) {
  const auto client = platform.client();
  const auto known = known_versions(*client, platform.access.ns, push);
  if (!known) return complain(platform.explain(known.error()));
  // Also for content that is known: what the store lost meanwhile is sent again.
  const auto sent =
      send_files(open, push, push.to.registry.empty() ? platform.access.server : push.to.registry);
  if (!sent) return complain(with_place(push, sent.error()).message);
  if (!push.tag.empty()) set_tag(open, push, push.tag);
  if (known->same) {
    const auto object =
        client->get({resource_of(domain::Kind::kModelVersion), platform.access.ns, known->same->name()});
    if (!object) return complain(platform.explain(object.error()));
    if (!push.labels.empty() || arguments.has("--describe"))
      std::fprintf(
          stderr,
          "warning: %s stays as it is: a version's description is immutable; kubectl label changes labels\n",
          known->same->name().c_str());
    return print_version(arguments, object->json, *known->same, " (the same content was pushed before)");
  }
  push.version.artifact = push.to.str();
  const auto made = create_version(*client, platform.access.ns, push, known->highest);
  if (!made) return complain(platform.explain(made.error()));
  set_tag(open, push, tag_of(push));
  record_event(*client, platform.access.ns, push, *made);
  return print_version(arguments, made->json, push.version,
                       *sent == 0 ? " (every file was there already)" : "");
}

int push(const Arguments& arguments) {
  const bool alone = arguments.has("--no-version");
  if (alone && !arguments.has("--to"))
    return complain("--no-version leaves a version nowhere; say --to REGISTRY/REPOSITORY"), kUsage;
  const auto platform = alone ? Result<Platform>(Platform{}) : find_platform(arguments);
  if (!platform) return complain(platform.error().message);
  auto push = prepare(arguments);
  if (!push) return complain(push.error().message);
  const Open open = [&](oci::ClientOptions options) {
    return registry_of(*platform, push->to, arguments, std::move(options));
  };
  return alone ? push_files_alone(open, *push) : push_version(arguments, *platform, open, *push);
}

}  // namespace

Command push_command() {
  return {.name = "push",
          .summary = "Make a model file or folder the next version of a model",
          .description =
              "The files are read first, in a confined child process: what cannot be served is refused with "
              "the reason. A broken-off\npush goes on where it broke when it is repeated; content that is "
              "there already is not sent again.",
          .positionals = {{.name = "PATH", .help = "A model file, or a folder that holds one model"}},
          .options = with_platform(with_registry(
              {{.names = "--name",
                .value = "MODEL",
                .help = "The model that it is a version of (with --to: the repository's last word)"},
               {.names = "--to",
                .value = "REGISTRY/REPOSITORY[:TAG]",
                .help = "Send the files to this registry instead of the platform's own"},
               {.names = "--no-version",
                .value = "",
                .help = "With --to: send the files alone, and make them no version of a platform"},
               {.names = "--label",
                .value = "KEY=VALUE",
                .help = "A label of the version; may be repeated",
                .times = Times::kAnyNumber},
               {.names = "--describe", .value = "TEXT", .help = "What people should know of it"},
               output_option()})),
          .examples =
              {"slipway push model.json --name credit",
               "slipway push model/ --name digits --label team=vision --describe \"trained on May's data\"",
               "slipway push model.json --to registry.example.org/team/credit"},
          .run = push};
}

}  // namespace slipway::cli
