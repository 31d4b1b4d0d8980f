// A file's content replaced as a whole: whoever reads it, and whatever crash comes, finds the old or the new.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "values/base/result.h"

namespace slipway::os {

// Written beside it, made lasting, renamed over it; its folder is made lasting too before this returns.
// Folders that are missing are made (0700). A symbolic link stays: its target is replaced. kExhausted: the
// disk is full; kDenied otherwise. Any thread.
Status replace_file(const std::string& path, std::string_view text, mode_t mode);

// The folder and those above it that are missing, 0700.
Status make_folders(const std::string& path);

}  // namespace slipway::os
