// The tables behind one lock, and the watches that read them.
#pragma once

#include <array>
#include <set>

#include "adapters/local/internal/table.h"
#include "system/runtime/mutex.h"

namespace slipway::local {

class EngineWatch;

// What is shown to readers. Changes come in by apply() alone, from the writer's thread.
class Engine : public std::enable_shared_from_this<Engine> {
 public:
  explicit Engine(size_t history);

  domain::ObjectPtr find(const domain::ObjectKey& key) const;
  Result<store::Listing> list(domain::Kind kind, const store::ListOptions& options) const;
  Result<std::unique_ptr<store::Watch>> watch(domain::Kind kind, const store::WatchOptions& options);
  uint64_t resource_version() const;

  void load(const std::vector<domain::ObjectPtr>& objects, uint64_t version);
  // Shows the changes, all at once, and wakes up who waits for them.
  void apply(std::vector<store::Event> events);
  void close();  // every watch ends with kUnavailable

 private:
  friend class EngineWatch;
  Table& table(domain::Kind kind) SLIPWAY_REQUIRES(mutex_) { return tables_[static_cast<size_t>(kind)]; }
  const Table& table(domain::Kind kind) const SLIPWAY_REQUIRES(mutex_) {
    return tables_[static_cast<size_t>(kind)];
  }

  mutable runtime::Mutex mutex_;
  std::vector<Table> tables_ SLIPWAY_GUARDED_BY(mutex_);
  uint64_t version_ SLIPWAY_GUARDED_BY(mutex_) = 0;
  bool closed_ SLIPWAY_GUARDED_BY(mutex_) = false;
  std::array<std::set<EngineWatch*>, domain::kKinds> idle_
      SLIPWAY_GUARDED_BY(mutex_);  // have taken everything, and want to be told
};

}  // namespace slipway::local
