// Commands that work on the data folder's own model store: fetch and verify.
#include "services/cli/models.h"

#include <unistd.h>

#include <cstdio>

#include <nlohmann/json.hpp>

#include "apps/slipway/commands.h"
#include "apps/slipway/fetch.h"
#include "apps/slipway/model_files.h"
#include "services/cli/platform.h"
#include "services/cli/progress.h"
#include "services/cli/registries.h"
#include "system/oci/layout.h"
#include "system/os/replace_file.h"
#include "values/json/document.h"

namespace slipway::app {
namespace {

using cli::Arguments;

const runtime::RealClock kClock;

Result<std::unique_ptr<oci::Layout>> open_models(const std::string& folder) {
  if (Status made = os::make_folders(folder); !made) return fail(made.error());
  return oci::Layout::open(folder, {}, kClock);
}

// What the version is and where it lies, as the platform says.
Result<cli::Artifact> find_artifact(const cli::Platform& platform, const cli::VersionName& name) {
  const auto version = cli::find_version(platform, name);
  if (!version) return fail(version.error());
  return cli::parse_artifact(version->artifact);
}

// From control's registry into this folder's own store: nothing when it is there already.
Status copy_into(oci::Layout& layout, const cli::Platform& platform, const cli::Artifact& artifact) {
  if (layout.manifest(artifact.repository, {.tag = "", .digest = artifact.digest})) return ok();
  auto registry = platform.registry({});
  if (!registry) return fail(registry.error());
  const auto manifest =
      (*registry)->pull_manifest(artifact.repository, {.tag = "", .digest = artifact.digest});
  if (!manifest) return fail(manifest.error());
  const auto parsed = oci::parse_manifest(manifest->text, "");
  if (!parsed) return fail(parsed.error());
  for (const oci::Descriptor& blob : parsed->blobs) {
    if (layout.find_blob(blob.digest)) continue;
    const auto id = layout.begin_upload();
    if (!id) return fail(id.error());
    uint64_t at = 0;
    Status pulled = (*registry)->pull_blob(artifact.repository, {blob.digest, blob.size},
                                           [&](std::string_view bytes) -> Status {
                                             const auto size = layout.append(*id, at, bytes);
                                             if (!size) return fail(size.error());
                                             at = *size;
                                             return ok();
                                           });
    if (pulled) pulled = layout.finish_upload(*id, blob.digest);
    if (!pulled) return static_cast<void>(layout.cancel_upload(*id)), pulled;
  }
  const auto stored =
      layout.put_manifest(artifact.repository, {.tag = "", .digest = artifact.digest}, manifest->text, "");
  return stored ? ok() : Status(fail(stored.error()));
}

int fetch(const Arguments& arguments) {
  if (arguments.get("MODEL[:VERSION]").find('@') != std::string::npos) return fetch_artifact(arguments);
  const auto name = cli::parse_version_reference(arguments.get("MODEL[:VERSION]"));
  if (!name) return cli::complain(name.error().message), cli::kUsage;
  const auto platform = cli::find_platform(arguments);
  if (!platform) return cli::complain(platform.error().message);
  auto artifact = find_artifact(*platform, *name);
  if (!artifact) return cli::complain(artifact.error().message);
  const auto where = platform->where();
  if (!where) return cli::complain(where.error().message);
  // What is not in this machine's own store is not brought into it: control alone writes there.
  if (*where == cli::Where::kCluster || !artifact->registry.empty())
    return fetch_version(arguments, *platform, std::move(*artifact));
  const std::string models = platform->data + "/models";
  auto layout = open_models(models);
  if (!layout) return cli::complain(layout.error().message);
  if (Status copied = copy_into(**layout, *platform, *artifact); !copied)
    return cli::complain(copied.error().message);
  const auto manifest = (*layout)->manifest(artifact->repository, {.tag = "", .digest = artifact->digest});
  if (!manifest) return cli::complain(manifest.error().message);
  const auto folder = model_files(**layout, models, *manifest);
  if (!folder) return cli::complain(folder.error().message);
  std::printf("%s\n", folder->c_str());
  return cli::kSuccess;
}

int verify(const Arguments& arguments) {
  const std::string models = cli::data_folder(arguments.get("--data")) + "/models";
  auto layout = oci::Layout::open(models, {}, kClock);
  if (!layout) return cli::complain(layout.error().message);
  uint64_t seen = 0;
  cli::Progress progress("verifying", (*layout)->bytes());
  const auto report = (*layout)->verify([&](const oci::Layout::Report& now) {
    progress.add(now.bytes - seen);
    seen = now.bytes;
  });
  if (!report) return cli::complain(report.error().message);
  if (arguments.get("--output") == "json") {
    const json::Document out{{"blobs", report->blobs}, {"bytes", report->bytes}, {"faults", report->faults}};
    std::printf("%s\n", out.dump(2).c_str());
  } else {
    std::printf("%zu files, %s: %s\n", report->blobs, cli::human_bytes(report->bytes).c_str(),
                report->faults.empty() ? "all are what their names say"
                                       : fmt::format("{} faults", report->faults.size()).c_str());
  }
  for (const std::string& fault : report->faults) cli::complain(fault);
  if (!report->faults.empty())
    std::fprintf(stderr,
                 "Remove the files below %s that hold other content, then push their versions again.\n",
                 models.c_str());
  return report->faults.empty() ? cli::kSuccess : cli::kFailed;
}

}  // namespace

cli::Command fetch_command() {
  std::vector<cli::Option> options{
      {.names = "--into", .value = "DIR", .help = "Of an artifact: where its folder is made"},
      {.names = "--cache",
       .value = "DIR",
       .help = "Of an artifact: a folder of files by digest, shared with others who fetch"},
      {.names = "--registry",
       .value = "HOST:PORT",
       .help = "Of an artifact: the registry of one that names none"}};
  return {
      .name = "fetch",
      .summary = "Make a version a folder, ready to be served",
      .description =
          "Of a model's version: <data>/models/files/<digest>, whose files are links to the store's. Of an "
          "artifact,\n[REGISTRY/]REPOSITORY@sha256:HEX of any OCI registry: DIR/<digest>. Prints the folder. "
          "Every file is held against its\ndigest; the folder is there whole or not at all, and a fetch that "
          "was broken off goes on where it was.\n\n"
          "What lies in a --cache is held against its digest too and never believed. Nothing removes it: "
          "files below DIR/blobs may\nbe deleted at any time, for example what was not used for a month: "
          "find DIR -type f -mtime +30 -delete\n\n"
          "Ends with 4 when what the registry gave is not what its digest says, with 1 when it could not be "
          "brought.",
      .positionals = {{.name = "MODEL[:VERSION]",
                       .help = "A model's version (without a number, the highest), or an artifact"}},
      .options = cli::with_platform(cli::with_registry(std::move(options))),
      .examples = {"slipway fetch credit:3", "slipway serve -m credit:3=$(slipway fetch credit:3)",
                   "slipway fetch registry.example.org/team/credit@sha256:4c5f… --into ./models"},
      .run = fetch};
}

cli::Command verify_command() {
  return {.name = "verify",
          .summary = "Read the whole model store again, and say what is damaged or missing",
          .options = {{.names = "--data",
                       .value = "DIR",
                       .help = "The data folder (default: $SLIPWAY_DATA, else $XDG_DATA_HOME/slipway)"},
                      {.names = "-o,--output",
                       .value = "FORMAT",
                       .help = "text or json",
                       .fallback = "text",
                       .choices = {"text", "json"}}},
          .examples = {"slipway verify", "slipway verify --data ./data -o json"},
          .run = verify};
}

}  // namespace slipway::app
