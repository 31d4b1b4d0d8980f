#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "services/cli/models.h"
#include "services/cli/own_registry.h"
#include "services/cli/platform.h"
#include "services/cli/progress.h"
#include "services/cli/registries.h"
#include "services/cli/resources.h"
#include "system/os/folder.h"
#include "system/os/replace_file.h"
#include "values/domain/model_version.h"

namespace slipway::cli {
namespace {

Status pull_file(oci::RegistryClient& registry, const std::string& repository, const oci::ModelFile& file,
                 const os::Folder& into) {
  for (size_t slash = file.path.find('/'); slash != std::string::npos; slash = file.path.find('/', slash + 1))
    if (Status made = into.make_folder(file.path.substr(0, slash)); !made) return made;
  auto target = into.create(file.path);
  if (!target) return fail(target.error());
  Status pulled = registry.pull_blob(repository, {file.digest, file.size},
                                     [&](std::string_view bytes) { return os::write_all(*target, bytes); });
  if (!pulled) return pulled;
  return ::fchmod(target->get(), 0644) == 0 && ::fsync(target->get()) == 0
             ? ok()
             : Status(fail(Code::kUnavailable, "{}/{}: cannot be made lasting", into.path(), file.path));
}

// Into a folder beside the target, renamed when it is whole.
Status pull_into(const Platform& platform, const Arguments& arguments, const domain::ModelVersion& version,
                 const std::string& target) {
  auto artifact = parse_artifact(version.artifact);
  if (!artifact) return fail(artifact.error());
  Progress progress("pulling " + version.name(), static_cast<uint64_t>(version.size));
  auto registry = registry_of(platform, *artifact, arguments,
                              {.on_progress = [&](uint64_t bytes) { progress.add(bytes); }});
  if (!registry) return fail(registry.error());
  const auto manifest =
      (*registry)->pull_manifest(artifact->repository, {.tag = "", .digest = artifact->digest});
  if (!manifest) return fail(manifest.error());
  const auto files = oci::parse_model_manifest(manifest->text);
  if (!files) return fail(files.error());
  const std::string aside = fmt::format("{}.{}.part", target, ::getpid());
  std::error_code ignored;
  std::filesystem::remove_all(aside, ignored);
  if (Status made = os::make_folders(aside); !made) return made;
  const auto folder = os::Folder::open(aside);
  Status pulled = folder ? ok() : Status(fail(folder.error()));
  for (const oci::ModelFile& file : *files)
    if (pulled) pulled = pull_file(**registry, artifact->repository, file, *folder);
  if (pulled && ::rename(aside.c_str(), target.c_str()) != 0)
    pulled = fail(Code::kDenied, "{}: {}", target, os::errno_text(errno));
  if (!pulled) std::filesystem::remove_all(aside, ignored);
  if (pulled) ::chmod(target.c_str(), 0755);
  return pulled;
}

int pull(const Arguments& arguments) {
  const auto name = parse_version_reference(arguments.get("MODEL[:VERSION]"));
  if (!name) return complain(name.error().message), kUsage;
  const auto platform = find_platform(arguments);
  if (!platform) return complain(platform.error().message);
  const auto version = find_version(*platform, *name);
  if (!version) return complain(version.error().message);
  std::string target = arguments.has("--into") ? arguments.get("--into") : version->name();
  while (target.size() > 1 && target.ends_with('/')) target.pop_back();  // the parts are put beside it
  std::error_code ignored;
  if (std::filesystem::exists(target, ignored))
    return complain(fmt::format("{} is there already; say --into another folder", target));
  if (Status pulled = pull_into(*platform, arguments, *version, target); !pulled)
    return complain(pulled.error().message);
  std::printf("%s:%lld is in %s\n", version->model.c_str(), static_cast<long long>(version->version),
              target.c_str());
  return kSuccess;
}

}  // namespace

Result<domain::ModelVersion> find_version(const Platform& platform, const VersionName& name) {
  const auto client = platform.client();
  const auto list = client->list({.resource = resource_of(domain::Kind::kModelVersion),
                                  .ns = platform.access.ns,
                                  .label_selector = "",
                                  .field_selector = ""});
  if (!list) return fail(platform.explained(list.error()));
  std::optional<domain::ModelVersion> found;
  std::vector<std::string> models;
  for (const kube::Object& item : list->items) {
    const auto document = json::parse_document(item.json);
    auto version = document ? domain::parse_model_version(*document)
                            : Result<domain::ModelVersion>(fail(document.error()));
    if (version) models.push_back(version->model);
    if (!version || version->model != name.model || (name.version && version->version != *name.version))
      continue;
    if (!found || version->version > found->version) found = std::move(*version);
  }
  if (found) return *found;
  if (name.version && std::ranges::find(models, name.model) != models.end())
    return fail(Code::kNotFound, "there is no version {} of {}; `slipway get mv` lists what there is",
                *name.version, name.model);
  const std::string meant = suggest(name.model, models);
  return fail(Code::kNotFound, "there is no model {}{}; `slipway get mv` lists what there is", name.model,
              meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant));
}

Command pull_command() {
  return {.name = "pull",
          .summary = "Copy the files of a version into a folder",
          .description = "Every file is held against its digest; the folder is there whole or not at all.",
          .positionals = {{.name = "MODEL[:VERSION]",
                           .help = "A model's version; without a number, the highest"}},
          .options = with_platform(with_registry(
              {{.names = "--into", .value = "DIR", .help = "The new folder (default: MODEL-VERSION)"}})),
          .examples = {"slipway pull credit:3",
                       "slipway pull credit --into /tmp/credit && slipway serve -m credit=/tmp/credit"},
          .run = pull};
}

}  // namespace slipway::cli
