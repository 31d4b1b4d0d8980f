// Looking after the whole: everything is still what its name says, and nothing stays that nobody needs.
#include <algorithm>

#include "system/oci/layout.h"
#include "system/runtime/failpoint.h"

namespace slipway::oci {
namespace {

constexpr size_t kMaxBlobs = 1'000'000;

}  // namespace

uint64_t Layout::bytes() const {
  uint64_t total = 0;
  if (const auto blobs = folder_.list("blobs/sha256", kMaxBlobs))
    for (const os::FolderEntry& entry : *blobs) total += entry.size;
  return total;
}

// ---- Verification

void Layout::verify_blob(const os::FolderEntry& entry, Report& report, std::set<Digest>& good) const {
  const std::string path = "blobs/sha256/" + entry.name;
  const auto name = Digest::parse("sha256:" + entry.name);
  if (!name || entry.kind != os::EntryKind::kFile) {
    report.faults.push_back(path + ": is no blob of ours");
    return;
  }
  const auto file = folder_.open_file(path);
  if (!file && file.error().code == Code::kNotFound) return;  // removed since it was listed
  const auto digest = file ? os::sha256_file(*file) : Result<Digest>(fail(file.error()));
  if (!digest)
    report.faults.push_back(digest.error().message);
  else if (*digest != *name)
    report.faults.push_back(fmt::format("{}: holds other content ({})", path, digest->str()));
  else
    good.insert(*name);
}

Result<Layout::Report> Layout::verify(const std::function<void(const Report&)>& progress) const {
  Report report;
  const auto blobs = folder_.list("blobs/sha256", kMaxBlobs);
  if (!blobs) return fail(blobs.error());
  std::set<Digest> good;
  for (const os::FolderEntry& entry : *blobs) {
    ++report.blobs;
    report.bytes += entry.size;
    verify_blob(entry, report, good);
    if (progress) progress(report);
  }
  Index index;
  {
    const runtime::MutexLock lock(mutex_);
    index = index_;
  }
  // What was pushed while the others were read is read now.
  const auto is_there = [&](const Digest& digest) {
    if (!good.contains(digest) && is_good(digest)) good.insert(digest);
    return good.contains(digest);
  };
  for (const auto& [key, entry] : index) {
    const std::string name = fmt::format("{}@{}", key.first, key.second.str());
    if (!is_there(key.second) || !entry.needs)
      report.faults.push_back(name + ": its manifest is missing or damaged");
    if (!entry.needs) continue;
    for (const auto* list : {&entry.needs->blobs, &entry.needs->manifests})
      for (const Digest& need : *list)
        if (!is_there(need))
          report.faults.push_back(fmt::format("{}: its file {} is missing or damaged", name, need.str()));
  }
  return report;
}

// ---- Collection

bool Layout::is_young(const os::FileFacts& facts) const {
  return clock_.wall() - facts.changed < options_.grace;
}

// What stays: a tag, a root or a young manifest holds it, and what these need.
class Layout::Collection {
 public:
  Collection(const Layout& layout, const Index& index) : layout_(layout), index_(index) {
    for (const auto& [key, entry] : index) known_.emplace(key.second, &entry);
  }

  Status mark(const std::set<Digest>& roots) {
    for (const Digest& root : roots) keep(root);
    for (const auto& [digest, line] : layout_.foreign_) keep(digest);
    for (const auto& [key, entry] : index_)
      if (!entry.tags.empty() || layout_.is_young_blob(key.second)) keep(key.second);
    for (bool grown = true; grown;) {
      if (Status followed = follow(); !followed) return followed;
      grown = false;
      // What speaks about a manifest that stays, stays: signatures, reports.
      for (const auto& [key, entry] : index_)
        if (entry.subject && needed_.contains(*entry.subject)) grown = keep(key.second) || grown;
    }
    known_.clear();  // the index may change from here on
    return ok();
  }

  bool needs(const Digest& digest) const { return needed_.contains(digest); }
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  bool keep(const Digest& manifest) {
    if (!manifests_.insert(manifest).second) return false;
    needed_.insert(manifest);
    to_follow_.push_back(manifest);
    return true;
  }

  Status follow() {
    while (!to_follow_.empty()) {
      const Digest manifest = to_follow_.back();
      to_follow_.pop_back();
      const auto needs = needs_of_stored(manifest);
      if (!needs && needs.error().code == Code::kNotFound) {
        faults_.push_back(needs.error().message);
        continue;
      }
      if (!needs) return fail(Code::kInvalid, "{}; until then nothing is removed", needs.error().message);
      needed_.insert(needs->blobs.begin(), needs->blobs.end());
      for (const Digest& each : needs->manifests) keep(each);
    }
    return ok();
  }

  // By the index, or for what stands in none (a version whose manifest was deleted), from the disk.
  Result<Needs> needs_of_stored(const Digest& digest) const {
    const auto known = known_.find(digest);
    if (known != known_.end() && known->second->needs) return *known->second->needs;
    const auto text = layout_.read_manifest(digest);
    if (!text) return fail(text.error());
    const auto manifest = parse_manifest(*text, "");
    if (!manifest) return fail(within(fmt::format("the manifest {}", digest.str()), manifest.error()));
    return oci::needs_of(*manifest);
  }

  const Layout& layout_;
  const Index& index_;
  std::map<Digest, const Entry*> known_;
  std::set<Digest> needed_, manifests_;
  std::vector<Digest> to_follow_;
  std::vector<std::string> faults_;
};

bool Layout::is_young_blob(const Digest& digest) const {
  const auto facts = folder_.facts(blob_path(digest));
  return facts && is_young(*facts);
}

Status Layout::drop_manifests(const Collection& collection) {
  Index next = index_;
  std::erase_if(next, [&](const auto& each) { return !collection.needs(each.first.second); });
  if (next.size() == index_.size()) return ok();
  if (Status written = write_index(next); !written) return written;
  index_ = std::move(next);
  ++changes_;
  return ok();
}

Status Layout::remove_blob_if_old(const Digest& digest, Report& report) {
  const runtime::MutexLock lock(presence_);
  const auto facts = folder_.facts(blob_path(digest));
  if (!facts || is_young(*facts)) return ok();  // used since it was listed
  FAILPOINT("oci.before_remove");
  if (Status removed = folder_.remove(blob_path(digest)); !removed) return removed;
  ++report.removed;
  report.removed_bytes += facts->size;
  return ok();
}

Result<Layout::Report> Layout::collect(const std::set<Digest>& roots) {
  Report report;
  if (Status fine = writable(); !fine) return fail(fine.error());
  if (Status uploads = remove_old_uploads(report); !uploads) return fail(uploads.error());
  const auto blobs = folder_.list("blobs/sha256", kMaxBlobs);
  if (!blobs) return fail(blobs.error());
  std::optional<Collection> collection;
  uint64_t marked = 0;
  for (const os::FolderEntry& entry : *blobs) {
    ++report.blobs;
    report.bytes += entry.size;
    const auto digest = Digest::parse("sha256:" + entry.name);
    if (!digest || is_young_blob(*digest)) continue;
    // Held for one blob at a time: pushes go on meanwhile, and what they changed is marked anew.
    const runtime::MutexLock lock(mutex_);
    if (!collection || marked != changes_) {
      collection.emplace(*this, index_);
      if (Status done = collection->mark(roots); !done) return fail(done.error());
      if (Status dropped = drop_manifests(*collection); !dropped) return fail(dropped.error());
      marked = changes_;
    }
    if (collection->needs(*digest)) continue;
    if (Status removed = remove_blob_if_old(*digest, report); !removed) return fail(removed.error());
  }
  if (collection) report.faults = collection->faults();
  return report;
}

}  // namespace slipway::oci
