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
constexpr size_t kMaxUploads = 100'000;

// One line of index.json for each tag, or one without; other tools read the tag as "repository:tag".
Document index_line(const Descriptor& descriptor, const std::string& repository, const std::string& tag) {
  Document line{
      {"mediaType", descriptor.media_type}, {"digest", descriptor.digest.str()}, {"size", descriptor.size}};
  line["annotations"][std::string(kRepositoryKey)] = repository;
  if (!tag.empty()) line["annotations"][std::string(kTagKey)] = repository + ":" + tag;
  if (!descriptor.artifact_type.empty()) line["artifactType"] = descriptor.artifact_type;
  return line;
}

std::string annotation(const Descriptor& descriptor, std::string_view key) {
  const auto at = descriptor.annotations.find(std::string(key));
  return at == descriptor.annotations.end() ? "" : at->second;
}

Result<Descriptor> parse_line(const Document& line) {
  const auto digest = Digest::parse(text_of(line, "digest"));
  const Document& size = member(line, "size");
  if (!digest || !size.is_number_integer() || size < 0)
    return fail(Code::kInvalid, "a manifest's digest or size is missing");
  Descriptor out{.media_type = text_of(line, "mediaType"), .digest = *digest, .size = size.get<uint64_t>()};
  if (Status type = check_media_type(out.media_type); !type) return fail(type.error());
  const Document& annotations = member(line, "annotations");
  if (!annotations.is_object()) return out;
  for (const auto& [key, value] : annotations.items())
    if (value.is_string()) out.annotations.emplace(key, value.get<std::string>());
  return out;
}

}  // namespace

std::string blob_path(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

Layout::Layout(os::Folder folder, LayoutOptions options, const runtime::Clock& clock)
    : folder_(std::move(folder)), options_(options), clock_(clock) {}

Result<std::unique_ptr<Layout>> Layout::open(const std::string& path, LayoutOptions options,
                                             const runtime::Clock& clock) {
  auto folder = os::Folder::open(path);
  if (!folder) return fail(folder.error());
  std::unique_ptr<Layout> layout(new Layout(std::move(*folder), options, clock));
  if (Status loaded = layout->load(); !loaded) return fail(loaded.error());
  return layout;
}

Status Layout::load() {
  const auto version = folder_.read("oci-layout", 4096);
  if (version) {
    const auto document = json::parse_document(*version);
    if (!document || text_of(*document, "imageLayoutVersion") != "1.0.0")
      return fail(Code::kUnsupported, "{}/oci-layout is of another layout's version; this one knows 1.0.0",
                  folder_.path());
  } else if (version.error().code != Code::kNotFound) {
    return fail(version.error());
  }
  if (Status taken = take_lock(); !taken) return taken;
  if (lock_)
    if (Status folders = load_folders(); !folders) return folders;
  const auto index = folder_.read("index.json", kIndexBytes);
  if (index) {
    if (Status loaded = load_index(*index); !loaded)
      return fail(Code::kInvalid, "{}/index.json is damaged ({}); restore a copy of it", folder_.path(),
                  loaded.error().message);
  } else if (index.error().code != Code::kNotFound) {
    return fail(index.error());
  } else if (version) {
    // It was written before oci-layout was, so somebody has removed it: an empty one would give all models
    // up.
    return fail(Code::kInvalid, "{}/index.json is missing; restore a copy of it", folder_.path());
  } else if (Status fine = writable(); !fine) {
    return fine;  // the other process is making it
  } else if (Status written = write_index({}); !written) {
    return written;
  }
  return version || !lock_ ? ok() : folder_.replace("oci-layout", kLayoutText, 0644);
}

Status Layout::take_lock() {
  auto lock = os::FileLock::take(folder_.path() + "/lock");
  if (!lock && lock.error().code != Code::kConflict) return fail(lock.error());
  if (lock) lock_ = std::move(*lock);
  return ok();
}

Status Layout::load_folders() {
  for (const char* each : {"blobs", "blobs/sha256", "uploads"})
    if (Status made = folder_.make_folder(each); !made) return made;
  // A run that was cut off may have made them, and not have made them lasting.
  for (const char* each : {"", "blobs", "blobs/sha256"})
    if (Status synced = folder_.sync(each); !synced) return synced;
  const auto entries = folder_.list("", kMaxUploads), uploads = folder_.list("uploads", kMaxUploads);
  if (!entries || !uploads) return fail(entries ? uploads.error() : entries.error());
  for (const os::FolderEntry& entry : *entries)
    if (entry.name.starts_with("index.json.") && entry.name.ends_with(".new"))  // never became the index
      if (Status removed = folder_.remove(entry.name); !removed) return removed;
  const runtime::MutexLock lock(uploads_mutex_);
  for (const os::FolderEntry& entry : *uploads)
    if (is_upload_id(entry.name) && entry.kind == os::EntryKind::kFile)
      uploads_.emplace(entry.name, std::make_shared<Upload>());
  return ok();
}

Status Layout::load_index(std::string_view text) {
  const auto document = json::parse_document(text, {.bytes = kIndexBytes, .depth = 16, .nodes = 10'000'000});
  if (!document) return fail(document.error());
  const Document& lines = member(*document, "manifests");
  if (!lines.is_array()) return fail(Code::kInvalid, "it has no list of manifests");
  const runtime::MutexLock lock(mutex_);
  for (const Document& each : lines) {
    const auto line = parse_line(each);
    if (!line) return fail(line.error());
    const std::string repository = annotation(*line, kRepositoryKey);
    if (check_repository(repository))
      load_entry(*line, repository);
    else
      foreign_.emplace_back(line->digest, json::canonical(each));
  }
  return ok();
}

void Layout::load_entry(const Descriptor& line, const std::string& repository) {
  Entry& entry = index_[{repository, line.digest}];
  const std::string name = annotation(line, kTagKey);
  if (name.size() > repository.size() + 1) {
    const std::string tag = name.substr(repository.size() + 1);
    if (check_tag(tag)) entry.tags.insert(tag);
  }
  if (!entry.repository.empty()) return;
  entry.repository = repository;
  entry.descriptor = {.media_type = line.media_type, .digest = line.digest, .size = line.size};
  const auto text = read_manifest(line.digest);
  if (!text) return;  // verify() tells; what else there is can still be served
  const auto manifest = parse_manifest(*text, line.media_type);
  if (!manifest) return;
  entry.descriptor.artifact_type = manifest->artifact_type;
  entry.annotations = manifest->annotations;
  entry.needs = needs_of(*manifest);
  if (manifest->subject) entry.subject = manifest->subject->digest;
}

Status Layout::write_index(const Index& index) {
  Document lines = Document::array();
  for (const auto& [digest, line] : foreign_) lines.push_back(Document::parse(line, nullptr, false));
  for (const auto& [key, entry] : index) {
    if (entry.tags.empty()) lines.push_back(index_line(entry.descriptor, entry.repository, ""));
    for (const std::string& tag : entry.tags)
      lines.push_back(index_line(entry.descriptor, entry.repository, tag));
  }
  const std::string text = json::canonical(
      {{"schemaVersion", 2}, {"mediaType", std::string(kIndexType)}, {"manifests", std::move(lines)}});
  if (text.size() > kIndexBytes)
    return fail(Code::kExhausted,
                "{}/index.json would have {} bytes, and may have {}; delete versions or tags", folder_.path(),
                text.size(), kIndexBytes);
  FAILPOINT("oci.before_index");
  Status written = folder_.replace("index.json", text, 0644);
  if (!written && written.error().code == Code::kUnavailable) broken_ = true;
  FAILPOINT("oci.after_index");
  return written;
}

Status Layout::lasting(const std::string& folder) {
  Status synced = folder_.sync(folder);
  // A second try could succeed without having kept anything.
  if (!synced) broken_ = true;
  return synced;
}

Status Layout::writable() const {
  if (!lock_)
    return fail(Code::kConflict, "{} is written to by another process; ask its registry, or try again later",
                folder_.path());
  if (!broken_) return ok();
  return fail(Code::kUnavailable,
              "{}: the disk failed to keep what was written; look at it, then start again", folder_.path());
}

// ---- Blobs

Result<os::OpenFile> Layout::open_blob(const Digest& digest) const {
  auto file = folder_.open_file(blob_path(digest));
  if (!file && file.error().code == Code::kNotFound)
    return fail(Code::kNotFound, "there is no blob {}", digest.str());
  return file;
}

Result<uint64_t> Layout::find_blob(const Digest& digest) const {
  const runtime::MutexLock lock(presence_);
  const auto facts = folder_.facts(blob_path(digest));
  if (!facts && facts.error().code == Code::kNotFound)
    return fail(Code::kNotFound, "there is no blob {}", digest.str());
  if (!facts) return fail(facts.error());
  // Somebody builds on it: it must outlive the next collection.
  if (Status touched = folder_.touch(blob_path(digest), clock_.wall()); !touched)
    return fail(touched.error());
  return facts->size;
}

bool Layout::is_good(const Digest& digest) const {
  const auto file = open_blob(digest);
  if (!file) return false;
  const auto actual = os::sha256_file(*file);
  return actual && *actual == digest;
}

}  // namespace slipway::oci
