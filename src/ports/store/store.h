// The port to where resources live. Writers state what they saw; readers list and then watch.
//
// Versions: every change gets the next number of one counter, over all kinds. A list says at which number it
// was made, and a watch from that number misses nothing and repeats nothing.
//
// Failure, besides what each call says: kUnavailable: the store cannot be reached or is going away;
// kExhausted: the disk is full, or too many writes wait; kDenied: the store's server does not allow it. A
// write that failed with kUnavailable or kTimeout may have happened: read before doing it again.
//
// Threads: any. Calls block until they are done: a write, until it is durable.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "values/base/result.h"
#include "values/base/time.h"
#include "values/domain/object.h"

namespace slipway::store {

using domain::Cause;
using domain::Kind;
using domain::Object;
using domain::ObjectKey;
using domain::ObjectPtr;

// What the writer saw. Empty or 0: does not matter.
struct Precondition {
  std::string uid;
  uint64_t resource_version = 0;
};

struct ListOptions {
  std::string space;                    // one namespace; empty: all
  size_t limit = 0;                     // at most so many; 0: all
  std::string after_space, after_name;  // go on behind this object
  uint64_t at = 0;                      // as it was at this version; 0: now
};

struct Listing {
  std::vector<ObjectPtr> items;  // by namespace, then name
  uint64_t resource_version = 0;
  size_t remaining = 0;  // beyond the limit
};

enum class Change : uint8_t { kAdded, kModified, kDeleted, kListed };

// One change, or kListed: everything that was there when an initial watch began has been given; then `object`
// is null.
struct Event {
  Change change = Change::kAdded;
  ObjectPtr object;
  ObjectPtr before;  // of kModified and kDeleted; null where the store does not know it
  uint64_t resource_version = 0;
};

// A bounded queue of changes, in order. Whoever does not take them in time is cut off with kNotFound; the
// writer never waits. Taken from by one thread at a time.
class Watch {
 public:
  virtual ~Watch() = default;  // waits for a call of on_ready() that runs; none comes afterwards

  // The next change, or nothing for now. kNotFound: what comes next is no longer kept; list again.
  virtual Result<std::optional<Event>> try_next() = 0;
  // The same, after waiting for at most `patience`.
  virtual Result<std::optional<Event>> next(Duration patience) = 0;
  // Called, from any thread, when there is something to take after try_next() gave nothing: once for each
  // time that it gave nothing. Set before the first try_next(); must not call back into the store.
  virtual void on_ready(std::function<void()> call) = 0;
  // All changes up to this version have been given, when try_next() gives nothing after it was asked.
  virtual uint64_t resource_version() const = 0;
  // The store cannot be reached at the moment: changes come later, when it can be again. From any thread.
  virtual bool lost() const { return false; }
};

struct WatchOptions {
  std::string space;              // one namespace; empty: all
  std::optional<uint64_t> after;  // changes behind this version; nothing: what is there first, then kListed
};

class Store {
 public:
  virtual ~Store() = default;

  // kNotFound when there is none.
  virtual Result<ObjectPtr> get(const ObjectKey& key) const = 0;
  // kNotFound: `at` is no longer kept. kTimeout: `at` has not happened yet.
  virtual Result<Listing> list(Kind kind, const ListOptions& options) const = 0;
  // kNotFound: `after` is no longer kept; list again. kTimeout: it has not happened yet. Said at once, or by
  // the first that is taken: a store that is far away does not wait for the answer. A store that does not
  // know the future from the present gives nothing until it has happened: Kubernetes' own does not.
  virtual Result<std::unique_ptr<Watch>> watch(Kind kind, const WatchOptions& options) = 0;

  // The store gives uid, versions, generation 1 and the creation time; the status is empty at first, whatever
  // the object has. kConflict: the name is taken.
  virtual Result<ObjectPtr> create(Object object, const Cause& cause) = 0;
  // Replaces labels, annotations, owners and content; uid, creation time and status stay, and generation
  // moves when the content does. When nothing changes, nothing is written. kNotFound; kConflict: not what was
  // seen.
  virtual Result<ObjectPtr> update(Object object, const Precondition& seen, const Cause& cause) = 0;
  // Replaces the status as a whole, and nothing else.
  virtual Result<ObjectPtr> update_status(const ObjectKey& key, std::string status, const Precondition& seen,
                                          const Cause& cause) = 0;
  // Gives the object as it was, with the version of its end where the store is told that; watches are always.
  virtual Result<ObjectPtr> remove(const ObjectKey& key, const Precondition& seen, const Cause& cause) = 0;
};

}  // namespace slipway::store
