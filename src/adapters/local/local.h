// The store of one machine: tables, history and watches in memory; behind them a durable log (SQLite), or
// none for tests and simulation.
//
// One thread writes: it takes the writes that wait, checks each against what the ones before it made, puts
// them and their audit rows into one transaction, and only then shows and acknowledges them. So readers never
// see what a crash could take back, and many writers share one fsync. Without a log each writer does it
// himself, in turn.
//
// After a fault of the disk the log is not trusted any more: every further write is refused with kUnavailable
// and `broken()` says why; a new process opens it anew. A full disk only refuses the writes of that moment.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ports/store/store.h"
#include "system/runtime/clock.h"

namespace slipway::local {

struct Options {
  std::string path;                       // of the log; empty: none
  size_t history = 4096;                  // changes kept of each kind, for watches and lists of the past
  size_t waiting_writes = 4096;           // kExhausted beyond
  std::function<std::string()> make_uid;  // nothing: random UUIDs
  std::string file_layer;  // SQLite's VFS by name; empty: the system's. Tests put a faulty one here
};

// `clock` must outlive it. kConflict: another process has the log open; kUnsupported: a newer version wrote
// it, or it is no log of ours; kInvalid: it is damaged. Each names the file and the next step.
class Local : public store::Store {
 public:
  static Result<std::unique_ptr<Local>> open(Options options, const runtime::Clock& clock);

  // The number of the last change, of all kinds.
  virtual uint64_t resource_version() const = 0;
  // Empty while all is well.
  virtual std::string broken() const = 0;
};

// One line of the audit: who changed what, when and why.
struct AuditRow {
  uint64_t resource_version = 0;
  std::string time, actor, verb, reason, request_id;
  domain::ObjectKey key;
};
// The newest rows of a log, newest first. For `slipway` and tests; opens the file read-only.
Result<std::vector<AuditRow>> read_audit(const std::string& path, size_t limit);

}  // namespace slipway::local
