// A folder held by its descriptor: everything is opened below it, whatever names are asked for and whoever
// moves things meanwhile. No symbolic link is followed on the way, none leads out.
//
// Paths are relative, '/' between, and end with a name: neither "." nor "..". Errors name the folder and the
// path. Any thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "system/os/descriptor.h"
#include "system/os/files.h"
#include "values/base/result.h"
#include "values/base/time.h"

namespace slipway::os {

struct FileFacts {
  uint64_t size = 0;
  WallTime changed;  // the later of content and attributes
};

class Folder {
 public:
  // The folder itself may be reached through links: its path is the user's own word.
  static Result<Folder> open(const std::string& path);

  const std::string& path() const { return path_; }

  // A regular file. kNotFound; kDenied: a link, or it leads out.
  Result<OpenFile> open_file(const std::string& relative) const;
  // A new file, 0600. kConflict: it is there already.
  Result<Descriptor> create(const std::string& relative) const;
  // An existing file, for writing.
  Result<Descriptor> open_to_write(const std::string& relative) const;
  Result<FileFacts> facts(const std::string& relative) const;
  Status touch(const std::string& relative, WallTime now) const;  // its content counts as changed then
  Status make_folder(const std::string& relative) const;          // there already: fine; lasting after a sync
  Status rename(const std::string& from, const std::string& to) const;
  Status link(const std::string& from, const Folder& into, const std::string& to) const;
  // Another name, below this folder, for the very file that is open: nobody can swap it meanwhile.
  Status link_open(const OpenFile& file, const std::string& to) const;
  Status remove(const std::string& relative) const;  // not there: fine
  // What a folder below holds; "" for this one.
  Result<std::vector<FolderEntry>> list(const std::string& relative, size_t max_entries) const;
  // Entries made, renamed and removed in it last from now on.
  Status sync(const std::string& relative) const;
  // A file's content as a whole, lasting when this returns.
  Status replace(const std::string& relative, std::string_view text, mode_t mode) const;
  Result<std::string> read(const std::string& relative, uint64_t limit) const;

 private:
  Folder(std::string path, Descriptor folder) : path_(std::move(path)), folder_(std::move(folder)) {}
  Result<Descriptor> open_at(const std::string& relative, int flags, mode_t mode = 0) const;
  // The folder that a path's last part lies in, and that part.
  struct Place {
    Descriptor folder;
    std::string name;
  };
  Result<Place> place(const std::string& relative) const;
  Error error(const std::string& relative, std::string_view doing, int number) const;

  std::string path_;
  Descriptor folder_;
};

Status write_all(const Descriptor& file, std::string_view bytes);

}  // namespace slipway::os
