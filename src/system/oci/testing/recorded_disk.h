// Remembers every operation that changes a folder's content, so that a test can ask what the disk may look
// like after the power went at any moment: what was synced is there; of what was not, any part may be, torn
// or not, and every folder on its own.
//
// Good for: code that changes files by write, ftruncate, fchmod, fsync, openat2, mkdirat, renameat, linkat
// and unlinkat with the descriptor of the very folder. Whoever links it has these calls wrapped (see
// CMakeLists.txt). Two names of a rename between folders are two entries here, which is stricter than file
// systems with a journal are.
//
// One at a time; one thread at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::oci {

class RecordedDisk {
 public:
  // Remembers what happens in the folder, which is empty, from now until it is destroyed.
  explicit RecordedDisk(const std::string& folder);
  ~RecordedDisk();
  RecordedDisk(const RecordedDisk&) = delete;
  RecordedDisk& operator=(const RecordedDisk&) = delete;

  size_t operations() const { return record_.size(); }

  // How much of what was not synced reached the disk.
  enum class Fate : uint8_t { kNothing, kAll, kPrefixes, kTorn };
  struct State {
    struct File {
      std::string bytes;
      mode_t mode = 0600;
      auto operator<=>(const File&) const = default;
    };
    std::set<std::string> folders;  // in the order in which they can be made
    std::map<std::string, File> files;
    auto operator<=>(const State&) const = default;
  };
  State after_crash(size_t operations, Fate fate, std::mt19937& random) const;
  // Makes the folder hold exactly that.
  static void put(const State& state, const std::string& folder);

  // The n-th from now on (1: the next) fails; 0: none.
  void fail_sync(int n) { fail_sync_ = n; }
  void fill_up_at_write(int n) { full_at_ = n; }

  // ---- Told by the wrapped calls
  static RecordedDisk* current();
  bool sync_fails() { return fail_sync_ > 0 && --fail_sync_ == 0; }
  bool write_fails() { return full_at_ > 0 && --full_at_ == 0; }
  void wrote(int fd, std::string_view bytes);
  void truncated(int fd, off_t size);
  void changed_mode(int fd, mode_t mode);
  void synced(int fd);
  void created(int fd);
  void made_folder(int folder, const char* name);
  void renamed(int from, const char* old_name, int to, const char* new_name);
  void linked(const char* source, int to, const char* name);
  void removed(int folder, const char* name);

 private:
  enum class What : uint8_t { kWrite, kTruncate, kMode, kEntry, kNoEntry, kMove, kSync };
  // Of one file or folder. A rename between folders is two.
  struct Operation {
    What what;
    size_t node;              // whose content changes
    std::string name, other;  // of an entry; its new name
    std::string bytes;        // of a write
    uint64_t number = 0;      // where it writes; how long it becomes; its mode
    size_t target = 0;        // the node that an entry names
  };
  struct Node {
    bool folder = false;
    State::File file;
    std::map<std::string, size_t> entries;
  };
  using Key = std::pair<dev_t, ino_t>;

  size_t fresh(const Key& key, bool folder);
  const size_t* find(int fd) const;
  static void apply(Node& node, const Operation& operation, size_t bytes);
  static void walk(const std::vector<Node>& nodes, size_t node, const std::string& path, State& out);

  std::map<Key, size_t> known_;
  std::vector<bool> is_folder_;
  std::vector<Operation> record_;
  int fail_sync_ = 0, full_at_ = 0;
};

}  // namespace slipway::oci
