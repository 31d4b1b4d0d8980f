#include "system/oci/layout.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "system/oci/internal/upload.h"
#include "system/runtime/failpoint.h"
#include "values/json/document.h"

namespace slipway::oci {
namespace {

using json::Document;
using json::member;
using json::text_of;

constexpr const char* kLayoutText = R"({"imageLayoutVersion":"1.0.0"})";
constexpr std::string_view kRepositoryKey = "dev.slipway.repository";
constexpr std::string_view kTagKey = "org.opencontainers.image.ref.name";
constexpr size_t kIndexBytes = 64 << 20;

// One line of index.json for each tag, or one without; other tools read the tag as "repository:tag".
Document index_line(const Descriptor& descriptor, const std::string& repository, const std::string& tag) {
  Document line{{"mediaType", descriptor.media_type}, {"digest", descriptor.digest.str()}, {"size", descriptor.size}};
  line["annotations"][std::string(kRepositoryKey)] = repository;
  if (!tag.empty()) line["annotations"][std::string(kTagKey)] = repository + ":" + tag;
  if (!descriptor.artifact_type.empty()) line["artifactType"] = descriptor.artifact_type;
  return line;
}

std::string annotation(const Descriptor& descriptor, std::string_view key) {
  const auto at = descriptor.annotations.find(std::string(key));
  return at == descriptor.annotations.end() ? "" : at->second;
}

Result<std::vector<Descriptor>> parse_index(std::string_view text) {
  const auto document = json::parse_document(text, {.bytes = kIndexBytes, .depth = 16, .nodes = 10'000'000});
  if (!document) return fail(document.error());
  std::vector<Descriptor> out;
  for (const Document& line : member(*document, "manifests")) {
    const auto digest = Digest::parse(text_of(line, "digest"));
    const Document& size = member(line, "size");
    if (!digest || !size.is_number_integer() || size < 0) return fail(Code::kInvalid, "a manifest's digest or size is missing");
    Descriptor descriptor{.media_type = text_of(line, "mediaType"), .digest = *digest, .size = size.get<uint64_t>()};
    for (const auto& [key, value] : member(line, "annotations").items())
      if (value.is_string()) descriptor.annotations.emplace(key, value.get<std::string>());
    out.push_back(std::move(descriptor));
  }
  return out;
}

}  // namespace

std::string blob_path(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

Layout::Layout(os::Folder folder, LayoutOptions options, const runtime::Clock& clock)
    : folder_(std::move(folder)), options_(options), clock_(clock) {}

Result<std::unique_ptr<Layout>> Layout::open(const std::string& path, LayoutOptions options, const runtime::Clock& clock) {
  auto folder = os::Folder::open(path);
  if (!folder) return fail(folder.error());
  std::unique_ptr<Layout> layout(new Layout(std::move(*folder), options, clock));
  if (Status loaded = layout->load(); !loaded) return fail(loaded.error());
  return layout;
}

Status Layout::load() {
  for (const char* each : {"blobs", "blobs/sha256", "uploads"})
    if (Status made = folder_.make_folder(each); !made) return made;
  const auto version = folder_.read("oci-layout", 4096);
  if (version) {
    const auto document = json::parse_document(*version);
    if (!document || text_of(*document, "imageLayoutVersion") != "1.0.0")
      return fail(Code::kUnsupported, "{}/oci-layout is of another layout's version; this one knows 1.0.0", folder_.path());
  } else if (version.error().code != Code::kNotFound) {
    return fail(version.error());
  }
  auto index = folder_.read("index.json", kIndexBytes);
  if (!index && index.error().code != Code::kNotFound) return fail(index.error());
  if (!index) {
    // The index first: with it, the layout is whole.
    if (Status written = write_index({}); !written) return written;
    return folder_.replace("oci-layout", kLayoutText, 0644);
  }
  const auto lines = parse_index(*index);
  if (!lines) return fail(Code::kInvalid, "{}/index.json is damaged ({}); restore a copy of it", folder_.path(), lines.error().message);
  for (const Descriptor& line : *lines)
    if (Status loaded = load_entry(line); !loaded) return loaded;
  return ok();
}

Status Layout::load_entry(const Descriptor& line) {
  const std::string repository = annotation(line, kRepositoryKey);
  if (Status name = check_repository(repository); !name) return ok();  // another tool's entry: left alone, and not served
  const runtime::MutexLock lock(mutex_);
  Entry& entry = index_[{repository, line.digest}];
  if (const std::string tag = annotation(line, kTagKey); tag.size() > repository.size() + 1) entry.tags.insert(tag.substr(repository.size() + 1));
  if (!entry.repository.empty()) return ok();
  entry.repository = repository;
  entry.descriptor = {.media_type = line.media_type, .digest = line.digest, .size = line.size};
  const auto text = folder_.read(blob_path(line.digest), kManifestBytes);
  if (!text) return ok();  // verify() tells; what else there is can still be served
  const auto manifest = parse_manifest(*text, line.media_type);
  if (!manifest) return ok();
  entry.descriptor.artifact_type = manifest->artifact_type;
  entry.annotations = manifest->annotations;
  if (manifest->subject) entry.subject = manifest->subject->digest;
  for (const auto* list : {&manifest->blobs, &manifest->manifests})
    for (const Descriptor& each : *list) entry.needs.push_back(each.digest);
  return ok();
}

Status Layout::write_index(const Index& index) const {
  Document lines = Document::array();
  for (const auto& [key, entry] : index) {
    if (entry.tags.empty()) lines.push_back(index_line(entry.descriptor, entry.repository, ""));
    for (const std::string& tag : entry.tags) lines.push_back(index_line(entry.descriptor, entry.repository, tag));
  }
  FAILPOINT("oci.before_index");
  Status written = folder_.replace("index.json", json::canonical({{"schemaVersion", 2}, {"mediaType", std::string(kIndexType)}, {"manifests", lines}}), 0644);
  FAILPOINT("oci.after_index");
  return written;
}

// ---- Blobs ------------------------------------------------------------------------------------------------------------

Result<os::OpenFile> Layout::open_blob(const Digest& digest) const {
  auto file = folder_.open_file(blob_path(digest));
  if (!file && file.error().code == Code::kNotFound) return fail(Code::kNotFound, "there is no blob {}", digest.str());
  return file;
}

Result<uint64_t> Layout::find_blob(const Digest& digest) const {
  const auto facts = folder_.facts(blob_path(digest));
  if (!facts && facts.error().code == Code::kNotFound) return fail(Code::kNotFound, "there is no blob {}", digest.str());
  if (!facts) return fail(facts.error());
  // Somebody builds on it: it must outlive the next collection.
  if (Status touched = folder_.touch(blob_path(digest)); !touched) return fail(touched.error());
  return facts->size;
}

// ---- Manifests --------------------------------------------------------------------------------------------------------

Result<Descriptor> Layout::put_manifest(const std::string& repository, const Reference& reference, std::string_view text, std::string_view content_type) {
  auto manifest = parse_manifest(text, content_type);
  if (!manifest) return fail(manifest.error());
  const Digest digest = base::sha256(text);
  if (reference.tag.empty() && reference.digest != digest)
    return fail(Code::kInvalid, "the manifest's digest is {}, not {}", digest.str(), reference.digest.str());
  if (auto stored = put_blob(text); !stored) return fail(stored.error());

  const runtime::MutexLock lock(mutex_);
  Entry entry{.descriptor = {.media_type = manifest->media_type, .digest = digest, .size = text.size(), .artifact_type = manifest->artifact_type},
              .repository = repository,
              .tags = {},
              .subject = {},
              .needs = {},
              .annotations = manifest->annotations};
  if (manifest->subject) entry.subject = manifest->subject->digest;
  for (const auto* list : {&manifest->blobs, &manifest->manifests})
    for (const Descriptor& each : *list) {
      if (!folder_.facts(blob_path(each.digest))) return fail(Code::kNotFound, "the manifest names {}, which was not pushed", each.digest.str());
      entry.needs.push_back(each.digest);
    }
  Index next = index_;
  if (const auto known = next.find({repository, digest}); known != next.end()) entry.tags = known->second.tags;
  if (!reference.tag.empty()) {
    for (auto& [key, other] : next)
      if (key.first == repository) other.tags.erase(reference.tag);
    entry.tags.insert(reference.tag);
  }
  Descriptor descriptor = entry.descriptor;
  next.insert_or_assign({repository, digest}, std::move(entry));
  if (Status written = write_index(next); !written) return fail(written.error());
  index_ = std::move(next);
  return descriptor;
}

Result<Digest> Layout::resolve(const std::string& repository, const Reference& reference) const {
  if (reference.tag.empty()) {
    if (index_.contains({repository, reference.digest})) return reference.digest;
  } else {
    for (const auto& [key, entry] : index_)
      if (key.first == repository && entry.tags.contains(reference.tag)) return key.second;
  }
  return fail(Code::kNotFound, "{} has no manifest {}", repository, reference.str());
}

Result<Descriptor> Layout::find_manifest(const std::string& repository, const Reference& reference) const {
  const runtime::MutexLock lock(mutex_);
  const auto digest = resolve(repository, reference);
  if (!digest) return fail(digest.error());
  return index_.at({repository, *digest}).descriptor;
}

Result<StoredManifest> Layout::manifest(const std::string& repository, const Reference& reference) const {
  auto descriptor = find_manifest(repository, reference);
  if (!descriptor) return fail(descriptor.error());
  auto text = folder_.read(blob_path(descriptor->digest), kManifestBytes);
  if (!text) return fail(text.error());
  // Small enough to be looked at every time: a damaged manifest is never handed on.
  if (base::sha256(*text) != descriptor->digest)
    return fail(Code::kInternal, "the manifest {} is damaged on disk; push it again", descriptor->digest.str());
  return StoredManifest{.descriptor = std::move(*descriptor), .text = std::move(*text)};
}

Status Layout::remove_manifest(const std::string& repository, const Reference& reference) {
  const runtime::MutexLock lock(mutex_);
  const auto digest = resolve(repository, reference);
  if (!digest) return fail(digest.error());
  Index next = index_;
  if (reference.tag.empty())
    next.erase({repository, *digest});
  else
    next.at({repository, *digest}).tags.erase(reference.tag);
  if (Status written = write_index(next); !written) return written;
  index_ = std::move(next);
  return ok();
}

std::vector<std::string> Layout::tags(const std::string& repository) const {
  const runtime::MutexLock lock(mutex_);
  std::set<std::string> out;
  for (const auto& [key, entry] : index_)
    if (key.first == repository) out.insert(entry.tags.begin(), entry.tags.end());
  return {out.begin(), out.end()};
}

bool Layout::has_repository(const std::string& repository) const {
  const runtime::MutexLock lock(mutex_);
  const auto at = index_.lower_bound({repository, Digest{}});
  return at != index_.end() && at->first.first == repository;
}

std::vector<Descriptor> Layout::referrers(const std::string& repository, const Digest& subject) const {
  const runtime::MutexLock lock(mutex_);
  std::vector<Descriptor> out;
  for (const auto& [key, entry] : index_) {
    if (key.first != repository || entry.subject != subject) continue;
    Descriptor descriptor = entry.descriptor;
    descriptor.annotations = entry.annotations;
    out.push_back(std::move(descriptor));
  }
  return out;
}

}  // namespace slipway::oci
