// Looking after the whole: everything is still what its name says, and nothing stays that nobody needs.
#include <algorithm>

#include "system/oci/internal/upload.h"
#include "system/runtime/failpoint.h"

namespace slipway::oci {
namespace {

constexpr size_t kMaxBlobs = 1'000'000;

bool is_blob_name(const std::string& name) {
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

uint64_t Layout::bytes() const {
  uint64_t total = 0;
  if (const auto blobs = folder_.list("blobs/sha256", kMaxBlobs))
    for (const os::FolderEntry& entry : *blobs) total += entry.size;
  return total;
}

Result<Layout::Report> Layout::verify(const std::function<void(const Report&)>& progress) const {
  Report report;
  const auto blobs = folder_.list("blobs/sha256", kMaxBlobs);
  if (!blobs) return fail(blobs.error());
  std::set<std::string> good;
  for (const os::FolderEntry& entry : *blobs) {
    const std::string path = "blobs/sha256/" + entry.name;
    ++report.blobs;
    report.bytes += entry.size;
    if (!is_blob_name(entry.name) || entry.kind != os::EntryKind::kFile) {
      report.faults.push_back(path + ": is no blob of ours");
      continue;
    }
    const auto file = folder_.open_file(path);
    const auto digest = file ? os::sha256_file(*file) : Result<Digest>(fail(file.error()));
    if (!digest)
      report.faults.push_back(digest.error().message);
    else if (digest->hex() != entry.name)
      report.faults.push_back(fmt::format("{}: holds other content ({})", path, digest->str()));
    else
      good.insert(entry.name);
    if (progress) progress(report);
  }
  const runtime::MutexLock lock(mutex_);
  for (const auto& [key, entry] : index_) {
    if (!good.contains(key.second.hex())) report.faults.push_back(fmt::format("{}@{}: its manifest is missing or damaged", key.first, key.second.str()));
    for (const Digest& need : entry.needs)
      if (!good.contains(need.hex())) report.faults.push_back(fmt::format("{}@{}: its file {} is missing or damaged", key.first, key.second.str(), need.str()));
  }
  return report;
}

Status Layout::remove_old_uploads(Report& report) {
  const auto uploads = folder_.list("uploads", kMaxBlobs);
  if (!uploads) return fail(uploads.error());
  const int64_t now = std::chrono::floor<std::chrono::seconds>(clock_.wall().time_since_epoch()).count();
  const int64_t grace = std::chrono::floor<std::chrono::seconds>(options_.grace).count();
  const runtime::MutexLock lock(uploads_mutex_);
  for (const os::FolderEntry& entry : *uploads) {
    const std::string path = "uploads/" + entry.name;
    const auto facts = folder_.facts(path);
    if (!facts || now - facts->changed < grace) continue;
    uploads_.erase(entry.name);
    if (Status removed = folder_.remove(path); !removed) return removed;
    ++report.removed;
    report.removed_bytes += entry.size;
  }
  return ok();
}

Result<Layout::Report> Layout::collect(const std::set<Digest>& roots) {
  Report report;
  if (Status uploads = remove_old_uploads(report); !uploads) return fail(uploads.error());
  const int64_t now = std::chrono::floor<std::chrono::seconds>(clock_.wall().time_since_epoch()).count();
  const int64_t grace = std::chrono::floor<std::chrono::seconds>(options_.grace).count();
  const auto is_young = [&](const std::string& path) {
    const auto facts = folder_.facts(path);
    return !facts || now - facts->changed < grace;
  };
  const runtime::MutexLock lock(mutex_);
  // Manifests first: what only an unneeded one needs goes with it. Others may be needed by those that stay.
  std::set<Digest> needed(roots);
  Index next;
  for (bool grown = true; grown;) {
    grown = false;
    for (const auto& [key, entry] : index_) {
      const bool stays = !entry.tags.empty() || needed.contains(key.second) || (entry.subject && needed.contains(*entry.subject)) || is_young(blob_path(key.second));
      if (!stays || next.contains(key)) continue;
      next.emplace(key, entry);
      needed.insert(key.second);
      needed.insert(entry.needs.begin(), entry.needs.end());
      grown = true;
    }
  }
  if (next.size() != index_.size()) {
    if (Status written = write_index(next); !written) return fail(written.error());
    index_ = std::move(next);
  }
  const auto blobs = folder_.list("blobs/sha256", kMaxBlobs);
  if (!blobs) return fail(blobs.error());
  for (const os::FolderEntry& entry : *blobs) {
    ++report.blobs;
    report.bytes += entry.size;
    const std::string path = "blobs/sha256/" + entry.name;
    const auto digest = Digest::parse("sha256:" + entry.name);
    if (!digest || needed.contains(*digest) || is_young(path)) continue;
    FAILPOINT("oci.before_remove");
    if (Status removed = folder_.remove(path); !removed) return fail(removed.error());
    ++report.removed;
    report.removed_bytes += entry.size;
  }
  return report;
}

}  // namespace slipway::oci
