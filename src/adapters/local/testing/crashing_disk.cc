#include "adapters/local/testing/crashing_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>

namespace slipway::local {

constexpr size_t kSector = 512;

// SQLite's view of the disk. Its C structures carry our pointers.
struct CrashingDiskLayer {
  struct File {
    sqlite3_file base;
    CrashingDisk* disk;
    std::string* path;
  };
  static File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  static std::string& bytes(sqlite3_file* file) { return of(file).disk->files_[*of(file).path]; }
  static bool is_due(int& counter) { return counter > 0 && --counter == 0; }

  static int close(sqlite3_file* file) {
    delete of(file).path;
    return SQLITE_OK;
  }
  static int read(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
    const std::string& from = bytes(file);
    const size_t at = static_cast<size_t>(offset), wanted = static_cast<size_t>(size);
    const size_t there = at < from.size() ? std::min(wanted, from.size() - at) : 0;
    if (there > 0) std::memcpy(into, from.data() + at, there);
    std::memset(static_cast<char*>(into) + there, 0, wanted - there);
    return there == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
  }
  static int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
    if (is_due(of(file).disk->full_at_)) return SQLITE_FULL;
    return act(file, {CrashingDisk::What::kWrite, *of(file).path, static_cast<size_t>(offset),
                      std::string(static_cast<const char*>(from), static_cast<size_t>(size))});
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    return act(file, {CrashingDisk::What::kTruncate, *of(file).path, static_cast<size_t>(size), ""});
  }
  static int sync(sqlite3_file* file, int) {
    if (is_due(of(file).disk->fail_sync_)) return SQLITE_IOERR_FSYNC;
    return act(file, {CrashingDisk::What::kSync, *of(file).path, 0, ""});
  }
  static int act(sqlite3_file* file, CrashingDisk::Operation operation) {
    CrashingDisk& disk = *of(file).disk;
    CrashingDisk::apply(disk.files_, operation, operation.bytes.size());
    disk.record_.push_back(std::move(operation));
    return SQLITE_OK;
  }
  static int size(sqlite3_file* file, sqlite3_int64* out) {
    *out = static_cast<sqlite3_int64>(bytes(file).size());
    return SQLITE_OK;
  }
  static int lock(sqlite3_file*, int) { return SQLITE_OK; }
  static int check_lock(sqlite3_file*, int* out) {
    *out = 0;
    return SQLITE_OK;
  }
  static int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector(sqlite3_file*) { return static_cast<int>(kSector); }
  static int character(sqlite3_file*) { return 0; }

  static constexpr sqlite3_io_methods kMethods{.iVersion = 1,
                                               .xClose = close,
                                               .xRead = read,
                                               .xWrite = write,
                                               .xTruncate = truncate,
                                               .xSync = sync,
                                               .xFileSize = size,
                                               .xLock = lock,
                                               .xUnlock = lock,
                                               .xCheckReservedLock = check_lock,
                                               .xFileControl = control,
                                               .xSectorSize = sector,
                                               .xDeviceCharacteristics = character};

  static int open(sqlite3_vfs* layer, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    auto* disk = static_cast<CrashingDisk*>(layer->pAppData);
    disk->files_.try_emplace(name);
    of(file) = {.base = {&kMethods}, .disk = disk, .path = new std::string(name)};
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  }
  static int remove(sqlite3_vfs* layer, const char* name, int) {
    auto* disk = static_cast<CrashingDisk*>(layer->pAppData);
    CrashingDisk::Operation operation{CrashingDisk::What::kDelete, name, 0, ""};
    CrashingDisk::apply(disk->files_, operation, 0);
    disk->record_.push_back(std::move(operation));
    return SQLITE_OK;
  }
  static int access(sqlite3_vfs* layer, const char* name, int, int* out) {
    *out = static_cast<CrashingDisk*>(layer->pAppData)->files_.contains(name) ? 1 : 0;
    return SQLITE_OK;
  }
  static int full_name(sqlite3_vfs*, const char* name, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", name);
    return SQLITE_OK;
  }
};

namespace {

sqlite3_vfs* layer_of(CrashingDisk* disk) {
  static sqlite3_vfs layer = *sqlite3_vfs_find(nullptr);  // clock and randomness stay the system's
  layer.pNext = nullptr;
  layer.szOsFile = sizeof(CrashingDiskLayer::File);
  layer.zName = CrashingDisk::kName;
  layer.pAppData = disk;
  layer.xOpen = CrashingDiskLayer::open;
  layer.xDelete = CrashingDiskLayer::remove;
  layer.xAccess = CrashingDiskLayer::access;
  layer.xFullPathname = CrashingDiskLayer::full_name;
  return &layer;
}

}  // namespace

CrashingDisk::CrashingDisk() { sqlite3_vfs_register(layer_of(this), 0); }
CrashingDisk::~CrashingDisk() { sqlite3_vfs_unregister(layer_of(this)); }

void CrashingDisk::start(Files files) {
  first_ = files;
  files_ = std::move(files);
  record_.clear();
}

void CrashingDisk::apply(Files& files, const Operation& operation, size_t bytes) {
  if (operation.what == What::kDelete) {
    files.erase(operation.path);
    return;
  }
  std::string& file = files[operation.path];
  if (operation.what == What::kTruncate) file.resize(std::min(file.size(), operation.offset));
  if (operation.what != What::kWrite || bytes == 0) return;
  if (file.size() < operation.offset + bytes) file.resize(operation.offset + bytes);
  std::memcpy(file.data() + operation.offset, operation.bytes.data(), bytes);
}

CrashingDisk::Files CrashingDisk::after_crash(size_t operations, Fate fate, std::mt19937& random) const {
  // A sync makes what came before it, on that file, lasting; the rest is open.
  std::map<std::string, size_t> synced;
  for (size_t i = 0; i < operations; ++i)
    if (record_[i].what == What::kSync || record_[i].what == What::kDelete) synced[record_[i].path] = i;
  std::vector<size_t> open;
  Files files = first_;
  for (size_t i = 0; i < operations; ++i) {
    const auto at = synced.find(record_[i].path);
    if (at != synced.end() && i <= at->second)
      apply(files, record_[i], record_[i].bytes.size());
    else
      open.push_back(i);
  }
  if (fate == Fate::kNothing) return files;
  size_t count = open.size();
  if (fate == Fate::kPrefix || fate == Fate::kTorn) count = open.empty() ? 0 : random() % (open.size() + 1);
  for (size_t n = 0; n < count; ++n) {
    const Operation& operation = record_[open[n]];
    if (fate == Fate::kAnySubset && random() % 2 == 0) continue;
    size_t bytes = operation.bytes.size();
    if (fate == Fate::kTorn && n + 1 == count) bytes = random() % (bytes / kSector + 1) * kSector;
    apply(files, operation, bytes);
  }
  return files;
}

}  // namespace slipway::local
