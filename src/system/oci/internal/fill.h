// A file that is filled from a registry and goes on where an earlier run broke off: whatever lies in it is
// hashed again, so that nothing has to be believed.
#pragma once

#include <functional>

#include <tl/expected.hpp>

#include "system/oci/client.h"
#include "system/os/folder.h"

namespace slipway::oci::internal {

// Whose fault it is that there is no such file now: the registry's (or the way to it), or our disk's.
enum class Culprit : uint8_t { kRegistry, kDisk };
struct Trouble {
  Error error;
  Culprit culprit = Culprit::kRegistry;
};
using Filled = tl::expected<void, Trouble>;
inline tl::unexpected<Trouble> trouble(Culprit culprit, Error error) {
  return tl::unexpected<Trouble>(Trouble{.error = std::move(error), .culprit = culprit});
}

// Gives the content's bytes from that one on.
using Pull = std::function<Status(const Content& content, uint64_t from, const Take& take)>;

// One file, open for both. It may be there already.
struct OpenTarget {
  os::OpenFile reader;
  os::Descriptor writer;

  static Result<OpenTarget> open(const os::Folder& folder, const std::string& path);
};

// Lasting and 0444 when it is filled. kInvalid: the registry's content is not what its digest says; the file
// is empty then.
Filled fill(const OpenTarget& target, const Content& content, const Pull& pull);

// The same by name. What lies there already and is not to be written to (a link to somebody else's file) is
// kept when it is the content, and replaced otherwise.
Filled fill(const os::Folder& folder, const std::string& path, const Content& content, const Pull& pull);

// A file's content under another name: as a link where that can be made, else as a copy. kInvalid: the file
// does not hold that content; nothing is left of it then.
Status link_or_copy(const os::OpenFile& from, const Content& content, const os::Folder& into,
                    const std::string& path);

}  // namespace slipway::oci::internal
