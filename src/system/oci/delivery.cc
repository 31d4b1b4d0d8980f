#include "system/oci/delivery.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <thread>

#include "system/oci/internal/blob_cache.h"
#include "system/oci/model_folder.h"
#include "system/os/file_lock.h"
#include "system/os/replace_file.h"

namespace slipway::oci {
namespace {

using internal::Culprit;
using internal::Filled;

constexpr size_t kMaxEntries = 100'000;

// kInvalid is said of a registry's content alone.
Error of_disk(Error error) {
  if (error.code == Code::kInvalid) error.code = Code::kUnavailable;
  return error;
}

// "a/b/c" → "a", "a/b"
std::set<std::string> parents_of(const std::vector<ModelFile>& files) {
  std::set<std::string> out;
  for (const ModelFile& file : files)
    for (size_t slash = file.path.find('/'); slash != std::string::npos;
         slash = file.path.find('/', slash + 1))
      out.insert(file.path.substr(0, slash));
  return out;
}

class Delivery {
 public:
  Delivery(RegistryClient& registry, const std::string& repository, const Digest& digest,
           const DeliveryOptions& options, os::Folder parent)
      : registry_(registry),
        repository_(repository),
        digest_(digest),
        options_(options),
        parent_(std::move(parent)) {}

  Result<std::string> run() {
    if (is_there()) return whole();
    const auto lock = claim();
    if (!lock) return fail(of_disk(lock.error()));
    if (!is_there()) {
      if (!options_.cache.empty()) open_cache();
      if (Status made = make(); !made) return fail(made.error());
    }
    static_cast<void>(parent_.remove(lock_name()));
    return whole();
  }

 private:
  std::string name() const { return digest_.hex(); }
  std::string aside() const { return ".fetching-" + digest_.hex(); }
  std::string lock_name() const { return aside() + ".lock"; }
  std::string whole() const { return parent_.path() + "/" + name(); }

  bool is_there() const {
    if (!parent_.sync(name())) return false;  // no folder, or a link to one
    const auto held = check_model_folder(whole());
    return held && *held == digest_;
  }

  // Waits for whoever brings the same.
  Result<os::Descriptor> claim() const {
    while (true) {
      auto file = parent_.create(lock_name());
      if (!file && file.error().code == Code::kConflict) file = parent_.open_to_write(lock_name());
      if (!file && file.error().code == Code::kNotFound) continue;  // removed between the two
      if (!file) return file;
      const Status locked = os::lock_open_file(*file);
      // Without locks two bring it, and the second one finds that it is there.
      if (locked || locked.error().code != Code::kConflict) return file;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  void open_cache() {
    auto cache = internal::BlobCache::open(options_.cache, {});
    if (cache)
      cache_.emplace(std::move(*cache));
    else
      do_without_cache(cache.error());
  }
  void do_without_cache(const Error& error) {
    cache_.reset();
    if (options_.warn)
      options_.warn(fmt::format("the cache {} is passed over: {}", options_.cache, error.message));
  }

  Status make() {
    std::error_code failed;
    std::filesystem::remove_all(whole(), failed);  // what is there is not what it should be
    if (failed) return fail(Code::kDenied, "{}: {}; remove it and fetch again", whole(), failed.message());
    if (Status made = parent_.make_folder(aside()); !made) return fail(of_disk(made.error()));
    const auto folder = os::Folder::open(parent_.path() + "/" + aside());
    if (!folder) return fail(of_disk(folder.error()));
    Status filled = fill_folder(*folder);
    if (filled) filled = parent_.rename(aside(), name());
    if (filled) filled = parent_.sync("");
    if (!filled && is_there()) return ok();  // somebody else was faster
    return filled;
  }

  Status fill_folder(const os::Folder& folder) {
    const auto text = find_manifest();
    if (!text) return fail(text.error());
    const auto files = parse_model_manifest(*text);
    if (!files)
      return fail(Code::kUnsupported, "{}@{} is no model: {}", repository_, digest_.str(),
                  files.error().message);
    const std::set<std::string> parents = parents_of(*files);
    if (Status swept = sweep(folder, *files, parents); !swept) return fail(of_disk(swept.error()));
    for (const std::string& each : parents)
      if (Status made = folder.make_folder(each); !made) return fail(of_disk(made.error()));
    uint64_t size = 0;
    for (const ModelFile& file : *files) size += file.size;
    if (options_.on_size) options_.on_size(size);
    for (const ModelFile& file : *files)
      if (Status placed = place({file.digest, file.size}, folder, file.path); !placed)
        return fail(within(file.path, placed.error()));
    for (const std::string& each : parents)
      if (Status synced = folder.sync(each); !synced) return fail(of_disk(synced.error()));
    return folder.replace("manifest.json", *text, 0444);
  }

  // What an earlier run left and the version does not have.
  Status sweep(const os::Folder& folder, const std::vector<ModelFile>& files,
               const std::set<std::string>& parents) const {
    std::set<std::string> known;
    for (const ModelFile& file : files) known.insert(file.path);
    std::vector<std::string> folders{""};
    folders.insert(folders.end(), parents.begin(), parents.end());
    for (const std::string& each : folders) {
      const auto entries = folder.list(each, kMaxEntries);
      if (!entries) continue;  // not made yet
      for (const os::FolderEntry& entry : *entries) {
        const std::string path = each.empty() ? entry.name : each + "/" + entry.name;
        const bool expected = entry.kind == os::EntryKind::kFolder
                                  ? parents.contains(path)
                                  : entry.kind == os::EntryKind::kFile && known.contains(path);
        if (expected) continue;
        std::error_code failed;
        std::filesystem::remove_all(folder.path() + "/" + path, failed);
        if (failed) return fail(Code::kDenied, "{}/{}: {}", folder.path(), path, failed.message());
      }
    }
    return ok();
  }

  Result<std::string> find_manifest() {
    if (cache_)
      if (auto text = cache_->text(digest_)) return text;
    auto pulled = registry_.pull_manifest(repository_, {.tag = "", .digest = digest_});
    if (!pulled) return fail(pulled.error());
    if (cache_)
      if (Status put = cache_->put_text(digest_, pulled->text); !put) do_without_cache(put.error());
    return std::move(pulled->text);
  }

  Status place(const Content& content, const os::Folder& folder, const std::string& path) {
    const internal::Pull pull = [this](const Content& what, uint64_t from, const Take& take) {
      return registry_.pull_bytes(repository_, what, from, take);
    };
    if (cache_) {
      const Filled placed = cache_->place(content, pull, folder, path);
      if (placed) return ok();
      if (placed.error().culprit == Culprit::kRegistry) return fail(placed.error().error);
      do_without_cache(placed.error().error);
    }
    const Filled filled = internal::fill(folder, path, content, pull);
    if (filled) return ok();
    if (filled.error().culprit == Culprit::kDisk) return fail(of_disk(filled.error().error));
    return fail(filled.error().error);
  }

  RegistryClient& registry_;
  const std::string& repository_;
  const Digest digest_;
  const DeliveryOptions& options_;
  const os::Folder parent_;
  std::optional<internal::BlobCache> cache_;
};

}  // namespace

Result<std::string> deliver(RegistryClient& registry, const std::string& repository, const Digest& digest,
                            const DeliveryOptions& options) {
  if (Status made = os::make_folders(options.into); !made) return fail(of_disk(made.error()));
  auto parent = os::Folder::open(options.into);
  if (!parent) return fail(of_disk(parent.error()));
  return Delivery(registry, repository, digest, options, std::move(*parent)).run();
}

}  // namespace slipway::oci
