// Blobs that many processes share, of one machine or of many: `blobs/sha256/<hex>` in a folder. Each is
// brought once, by whoever comes first, while the others wait; what is damaged is brought again. It is not
// bounded: files below blobs/ may be removed at any time, and each use of one moves its time of change.
//
// Nothing in the folder is believed: a blob is held against its digest whenever it is used. Threads: any.
#pragma once

#include <functional>
#include <string>

#include "system/oci/internal/fill.h"

namespace slipway::oci::internal {

struct BlobCacheOptions {
  Duration patience = std::chrono::seconds(60);  // with somebody whose blob does not grow
  std::function<void(Duration)> sleep;           // while another one brings it; empty: the thread sleeps
};

class BlobCache {
 public:
  // Makes the folder and what it holds. The error names what cannot be used, and why.
  static Result<BlobCache> open(const std::string& path, BlobCacheOptions options);

  // A manifest: a text whose size nobody told us. kNotFound: it is not here, or not what its name says.
  Result<std::string> text(const Digest& digest) const;
  Status put_text(const Digest& digest, std::string_view text) const;

  // The content as the file `path` below `into`, brought first when it is not here. Of the disk's troubles
  // only those here are told as such: the caller does without the cache then.
  Filled place(const Content& content, const Pull& pull, const os::Folder& into,
               const std::string& path) const;

 private:
  BlobCache(os::Folder folder, BlobCacheOptions options)
      : folder_(std::move(folder)), options_(std::move(options)) {}
  // kNotFound: it has to be brought.
  Status take(const Content& content, const os::Folder& into, const std::string& path) const;
  Filled bring(const Content& content, const Pull& pull) const;
  // The partial file, ours alone; nothing when the blob came meanwhile.
  Result<std::optional<OpenTarget>> claim(const Content& content) const;
  void pause() const;

  os::Folder folder_;
  BlobCacheOptions options_;
};

}  // namespace slipway::oci::internal
