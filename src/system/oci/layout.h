// An OCI image layout on disk that grows and shrinks safely: the store of model files.
//
//   oci-layout · index.json (every manifest, its repository and tags) · blobs/sha256/<hex> (0444) ·
//   uploads/<id>
//
// A blob is hashed while it is written, made lasting, and only then known; the same content is there once.
// index.json is the one account of what exists, replaced as a whole, so no crash leaves a half. Nothing is
// opened but below the layout's own folder, by names made of digests and random ids alone.
//
// Failure: kUnavailable when the disk lost something: from then on nothing more is taken until the layout is
// opened anew; kExhausted when it is full. Threads: any. Calls block on the disk.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "system/oci/manifest.h"
#include "system/oci/names.h"
#include "system/os/file_lock.h"
#include "system/os/folder.h"
#include "system/runtime/clock.h"
#include "system/runtime/mutex.h"

namespace slipway::oci {

struct LayoutOptions {
  uint64_t blob_bytes = uint64_t(1) << 40;
  size_t open_uploads = 256;
  Duration grace = std::chrono::hours(24);  // what nobody needs is kept for as long after it was last used
};

struct StoredManifest {
  Descriptor descriptor;
  std::string text;
};

// What a manifest cannot do without.
struct Needs {
  std::vector<Digest> blobs, manifests;
};
Needs needs_of(const Manifest& manifest);

class Layout {
 public:
  // Makes the layout when the folder is empty. One process writes; while it does, the layout is opened by
  // others to be read as it was then, and what would change it is kConflict. kUnsupported: another version's;
  // kInvalid: damaged, and what.
  static Result<std::unique_ptr<Layout>> open(const std::string& path, LayoutOptions options,
                                              const runtime::Clock& clock);

  // ---- Blobs
  Result<os::OpenFile> open_blob(const Digest& digest) const;
  // Its size; it counts as used now. kNotFound.
  Result<uint64_t> find_blob(const Digest& digest) const;

  // ---- Uploads: begun, appended to piece by piece, finished. They survive a restart.
  Result<std::string> begin_upload();
  Result<uint64_t> upload_size(const std::string& id);
  // `offset` must be where the upload ends: kConflict otherwise. Gives the new size.
  Result<uint64_t> append(const std::string& id, uint64_t offset, std::string_view bytes);
  // kInvalid: the content has another digest; the upload is gone then. Lasting when this returns.
  Status finish_upload(const std::string& id, const Digest& digest);
  Status cancel_upload(const std::string& id);
  // The same in one, for what is small; what is damaged on disk is written again.
  Result<Digest> put_blob(std::string_view bytes);

  // ---- Manifests
  // Every blob that it names must be there (kNotFound names the one that is not) with the size that it says
  // (kInvalid). A tag moves to it. Lasting when this returns.
  Result<Descriptor> put_manifest(const std::string& repository, const Reference& reference,
                                  std::string_view text, std::string_view content_type);
  Result<StoredManifest> manifest(const std::string& repository, const Reference& reference) const;
  Result<Descriptor> find_manifest(const std::string& repository, const Reference& reference) const;
  // A tag alone is removed; by digest, the manifest with all its tags.
  Status remove_manifest(const std::string& repository, const Reference& reference);
  std::vector<std::string> tags(const std::string& repository) const;  // sorted
  bool has_repository(const std::string& repository) const;
  std::vector<Descriptor> referrers(const std::string& repository, const Digest& subject) const;

  // ---- The whole
  struct Report {
    size_t blobs = 0, removed = 0;
    uint64_t bytes = 0, removed_bytes = 0;
    std::vector<std::string> faults;  // "blobs/sha256/…: holds other content (sha256:…)"
  };
  // Of all blobs, as their files say.
  uint64_t bytes() const;
  // Reads everything again and says what is damaged or missing. `progress`: after each blob.
  Result<Report> verify(const std::function<void(const Report&)>& progress) const;
  // Removes what no tag, no root and no upload needs and was not used within the grace. Manifests without a
  // tag go, unless a root or a manifest that stays names them. kInvalid: a manifest that stays is damaged, so
  // nobody can tell what it needs; nothing is removed then.
  Result<Report> collect(const std::set<Digest>& roots);

 private:
  struct Entry {
    Descriptor descriptor;
    std::string repository;
    std::set<std::string> tags;
    std::optional<Digest> subject;
    std::optional<Needs> needs;  // nothing: its manifest could not be read
    Annotations annotations;     // the manifest's own, as referrers show them
  };
  struct Upload;
  class Collection;
  using Key = std::pair<std::string, Digest>;
  using Index = std::map<Key, Entry>;

  Layout(os::Folder folder, LayoutOptions options, const runtime::Clock& clock);
  Status load();
  Status take_lock();
  Status load_folders();
  Status load_index(std::string_view text);
  void load_entry(const Descriptor& line, const std::string& repository) SLIPWAY_REQUIRES(mutex_);
  Status write_index(const Index& index);
  Status lasting(const std::string& folder);  // made so; or this layout takes nothing more
  Status writable() const;
  Status check_needs(const Manifest& manifest) const;
  Result<std::string> read_manifest(const Digest& digest) const;
  Result<std::shared_ptr<Upload>> upload(const std::string& id);
  void forget_upload(const std::string& id);
  Status settle(const os::Descriptor& file, const std::string& id, const Digest& digest);
  Result<Digest> resolve(const std::string& repository, const Reference& reference) const
      SLIPWAY_REQUIRES(mutex_);
  void verify_blob(const os::FolderEntry& entry, Report& report, std::set<Digest>& good) const;
  bool is_good(const Digest& digest) const;
  bool is_young(const os::FileFacts& facts) const;
  bool is_young_blob(const Digest& digest) const;
  Status drop_manifests(const Collection& collection) SLIPWAY_REQUIRES(mutex_);
  Status remove_blob_if_old(const Digest& digest, Report& report);
  Status remove_old_uploads(Report& report);

  const os::Folder folder_;
  const LayoutOptions options_;
  const runtime::Clock& clock_;
  std::optional<os::FileLock> lock_;                     // nothing: another process writes
  std::vector<std::pair<Digest, std::string>> foreign_;  // other tools' lines of index.json, kept as they are
  std::atomic<bool> broken_{false};                      // the disk failed to keep something

  mutable runtime::Mutex mutex_;  // held over a change of index.json, and while unneeded blobs are told apart
  Index index_ SLIPWAY_GUARDED_BY(mutex_);
  uint64_t changes_ SLIPWAY_GUARDED_BY(mutex_) = 0;  // of index_
  mutable runtime::Mutex presence_;  // held while a blob appears, is counted as used, or is removed
  runtime::Mutex uploads_mutex_;
  std::map<std::string, std::shared_ptr<Upload>> uploads_ SLIPWAY_GUARDED_BY(uploads_mutex_);
};

// "sha256/<hex>", as blobs lie below blobs/.
std::string blob_path(const Digest& digest);

}  // namespace slipway::oci
