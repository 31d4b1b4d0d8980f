#include "adapters/processes/internal/told.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "system/os/files.h"
#include "system/runtime/log.h"
#include "values/base/digest.h"
#include "values/domain/names.h"
#include "values/json/document.h"

namespace slipway::processes {
namespace {

constexpr uint64_t kFileBytes = 64 << 10;
constexpr size_t kMostFiles = 100'000;
constexpr size_t kIdDigits = 16;

std::optional<int64_t> number(std::string_view text, int64_t most) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && value >= 0 && value <= most ? std::optional(value) : std::nullopt;
}

}  // namespace

std::string to_text(const Told& told) {
  return json::canonical({{"revision", domain::to_document(told.revision)},
                          {"replicas", told.replicas},
                          {"removed", told.life == Told::Life::kRemoved}}) +
         "\n";
}

Result<Told> parse_told(std::string_view text) {
  const auto document = json::parse_document(text, {.bytes = kFileBytes, .depth = 8, .nodes = 1000});
  if (!document) return fail(document.error());
  const auto revision = domain::parse_revision(json::member(*document, "revision"));
  if (!revision) return fail(revision.error());
  const json::Document& replicas = json::member(*document, "replicas");
  const json::Document& removed = json::member(*document, "removed");
  const int64_t count = replicas.is_number_integer() ? replicas.get<int64_t>() : -1;
  if (count < 0 || count > kMostReplicas || !removed.is_boolean())
    return fail(Code::kInvalid, "replicas is no number from 0 to {}, or removed is missing", kMostReplicas);
  return Told{.revision = *revision,
              .replicas = static_cast<int>(count),
              .life = removed.get<bool>() ? Told::Life::kRemoved : Told::Life::kWanted};
}

std::string replica_name(std::string_view revision, int ordinal) {
  return fmt::format("{}-{}", revision, ordinal);
}

std::optional<ReplicaName> parse_replica_name(std::string_view name) {
  const size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0 || !domain::check_name(name)) return std::nullopt;
  const auto ordinal = number(name.substr(dash + 1), 1'000'000);
  if (!ordinal) return std::nullopt;
  return ReplicaName{.revision = std::string(name.substr(0, dash)), .ordinal = static_cast<int>(*ordinal)};
}

std::string replica_id(std::string_view replica) { return base::sha256(replica).hex().substr(0, kIdDigits); }

bool is_replica_id(std::string_view text) {
  return text.size() == kIdDigits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::optional<domain::RevisionSpec> guess_revision(std::string_view name) {
  const size_t hash = name.rfind('-');
  if (hash == std::string_view::npos || hash == 0) return std::nullopt;
  const auto version = domain::parse_version_name(name.substr(0, hash));
  if (!version) return std::nullopt;
  domain::RevisionSpec out;
  out.name = name;
  out.deployment = version->model;
  out.version = version->version;
  return out;
}

std::string Files::told(std::string_view revision) const {
  return fmt::format("{}/run/{}.json", data, revision);
}
std::string Files::lock(std::string_view id) const { return fmt::format("{}/run/{}.lock", data, id); }
std::string Files::log(std::string_view replica) const {
  return fmt::format("{}/logs/{}.log", data, replica);
}

Result<std::vector<Told>> read_all_told(const Files& files) {
  const auto entries = os::list_folder(files.run(), kMostFiles);
  if (!entries) return fail(entries.error());
  std::vector<Told> out;
  constexpr std::string_view kEnd = ".json";
  for (const os::FolderEntry& entry : *entries) {
    if (entry.kind != os::EntryKind::kFile || !entry.name.ends_with(kEnd)) continue;
    // Others keep theirs here too.
    if (!guess_revision(entry.name.substr(0, entry.name.size() - kEnd.size()))) continue;
    const std::string path = files.run() + "/" + entry.name;
    const auto text = os::read_file(path, kFileBytes);
    auto told = text ? parse_told(*text) : Result<Told>(fail(text.error()));
    if (told && told->revision.name + ".json" != entry.name)
      told = fail(Code::kInvalid, "it is about {}", told->revision.name);
    if (told)
      out.push_back(std::move(*told));
    else
      runtime::log::warn("processes", "a file of what was told cannot be read",
                         {{"file", path}, {"error", told.error().message}});
  }
  return out;
}

}  // namespace slipway::processes
