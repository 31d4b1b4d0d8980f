// Manifests and tags: the index in memory, and every change of it on the disk first.
#include <algorithm>

#include "system/oci/layout.h"

namespace slipway::oci {

Needs needs_of(const Manifest& manifest) {
  Needs out;
  for (const Descriptor& each : manifest.blobs) out.blobs.push_back(each.digest);
  for (const Descriptor& each : manifest.manifests) out.manifests.push_back(each.digest);
  return out;
}

Result<std::string> Layout::read_manifest(const Digest& digest) const {
  auto text = folder_.read(blob_path(digest), kManifestBytes);
  if (!text && text.error().code == Code::kNotFound)
    return fail(Code::kNotFound, "the manifest {} is missing on disk; push it again", digest.str());
  if (!text) return text;
  // Small enough to be looked at every time: a damaged manifest is never handed on.
  if (base::sha256(*text) != digest)
    return fail(Code::kInternal, "the manifest {} is damaged on disk; push it again", digest.str());
  return text;
}

Status Layout::check_needs(const Manifest& manifest) const {
  for (const auto* list : {&manifest.blobs, &manifest.manifests})
    for (const Descriptor& each : *list) {
      const auto facts = folder_.facts(blob_path(each.digest));
      if (!facts)
        return fail(Code::kNotFound, "the manifest names {}, which was not pushed", each.digest.str());
      if (facts->size != each.size)
        return fail(Code::kInvalid, "the manifest says that {} has {} bytes; it has {}", each.digest.str(),
                    each.size, facts->size);
    }
  return ok();
}

Result<Descriptor> Layout::put_manifest(const std::string& repository, const Reference& reference,
                                        std::string_view text, std::string_view content_type) {
  if (Status fine = writable(); !fine) return fail(fine.error());
  if (Status name = check_repository(repository); !name) return fail(name.error());
  auto manifest = parse_manifest(text, content_type);
  if (!manifest) return fail(manifest.error());
  const Digest digest = base::sha256(text);
  if (reference.tag.empty() && reference.digest != digest)
    return fail(Code::kInvalid, "the manifest's digest is {}, not {}", digest.str(), reference.digest.str());
  // Before anything is stored, and again when nothing can be removed any more.
  if (Status there = check_needs(*manifest); !there) return fail(there.error());
  if (auto stored = put_blob(text); !stored) return fail(stored.error());

  const runtime::MutexLock lock(mutex_);
  if (Status there = check_needs(*manifest); !there) return fail(there.error());
  Entry entry{.descriptor = {.media_type = manifest->media_type,
                             .digest = digest,
                             .size = text.size(),
                             .artifact_type = manifest->artifact_type},
              .repository = repository,
              .needs = needs_of(*manifest),
              .annotations = manifest->annotations};
  if (manifest->subject) entry.subject = manifest->subject->digest;
  Index next = index_;
  if (const auto known = next.find({repository, digest}); known != next.end())
    entry.tags = known->second.tags;
  if (!reference.tag.empty()) {
    for (auto other = next.lower_bound({repository, Digest{}});
         other != next.end() && other->first.first == repository; ++other)
      other->second.tags.erase(reference.tag);
    entry.tags.insert(reference.tag);
  }
  Descriptor descriptor = entry.descriptor;
  next.insert_or_assign({repository, digest}, std::move(entry));
  if (Status written = write_index(next); !written) return fail(written.error());
  index_ = std::move(next);
  ++changes_;
  return descriptor;
}

Result<Digest> Layout::resolve(const std::string& repository, const Reference& reference) const {
  if (reference.tag.empty()) {
    if (index_.contains({repository, reference.digest})) return reference.digest;
  } else {
    for (auto at = index_.lower_bound({repository, Digest{}});
         at != index_.end() && at->first.first == repository; ++at)
      if (at->second.tags.contains(reference.tag)) return at->first.second;
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
  auto text = read_manifest(descriptor->digest);
  // It is in the index, so that it is missing is no "there is none".
  if (!text) return fail(Code::kInternal, "{}", text.error().message);
  return StoredManifest{.descriptor = std::move(*descriptor), .text = std::move(*text)};
}

Status Layout::remove_manifest(const std::string& repository, const Reference& reference) {
  if (Status fine = writable(); !fine) return fine;
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
  ++changes_;
  return ok();
}

std::vector<std::string> Layout::tags(const std::string& repository) const {
  const runtime::MutexLock lock(mutex_);
  std::set<std::string> out;
  for (auto at = index_.lower_bound({repository, Digest{}});
       at != index_.end() && at->first.first == repository; ++at)
    out.insert(at->second.tags.begin(), at->second.tags.end());
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
  for (auto at = index_.lower_bound({repository, Digest{}});
       at != index_.end() && at->first.first == repository; ++at) {
    if (at->second.subject != subject) continue;
    Descriptor descriptor = at->second.descriptor;
    descriptor.annotations = at->second.annotations;
    out.push_back(std::move(descriptor));
  }
  return out;
}

}  // namespace slipway::oci
