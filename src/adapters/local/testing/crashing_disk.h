// A disk in memory for SQLite that remembers every operation, so that a test can ask what the files may look
// like after the power went at any moment: what was synced is there; of what was not, any part may be, torn
// or not.
//
// One at a time is registered under kName. One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace slipway::local {

class CrashingDisk {
 public:
  static constexpr const char* kName = "slipway-crashing-disk";
  using Files = std::map<std::string, std::string>;  // path → bytes

  CrashingDisk();  // registers the layer
  ~CrashingDisk();
  CrashingDisk(const CrashingDisk&) = delete;
  CrashingDisk& operator=(const CrashingDisk&) = delete;

  void start(Files files);  // what is on the disk now; forgets the record
  size_t operations() const { return record_.size(); }
  bool is_sync(size_t operation) const { return record_[operation].what == What::kSync; }

  // How much of what was not synced reached the disk.
  enum class Fate : uint8_t { kNothing, kAll, kPrefix, kAnySubset, kTorn };
  // The files after a crash behind the first `operations` of the record.
  Files after_crash(size_t operations, Fate fate, std::mt19937& random) const;

  // The n-th sync or write from now on (1 = the next) fails; 0: none.
  void fail_sync(int n) { fail_sync_ = n; }
  void fill_up_at_write(int n) { full_at_ = n; }

 private:
  friend struct CrashingDiskLayer;
  enum class What : uint8_t { kWrite, kTruncate, kSync, kDelete };
  struct Operation {
    What what;
    std::string path;
    size_t offset;
    std::string bytes;
  };
  static void apply(Files& files, const Operation& operation, size_t bytes);

  Files files_, first_;
  std::vector<Operation> record_;
  int fail_sync_ = 0, full_at_ = 0;
};

}  // namespace slipway::local
