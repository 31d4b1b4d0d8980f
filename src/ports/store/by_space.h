// One watch over all namespaces, given out as a watch of each: who works on many namespaces lists once a
// kind, however many there are. Writes and reads go to the store below.
//
// Threads: pump() and all watches of one thread; everything else as the store below.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ports/store/store.h"

namespace slipway::store {

class BySpace final : public Store {
 public:
  // `wake`: there is something to pump; from any thread.
  BySpace(Store& below, std::vector<Kind> kinds, std::function<void()> wake);
  ~BySpace() override;

  // Hands what has come to the watches. Gives the namespaces that there is news of.
  std::set<std::string> pump();
  // Whether everything of every kind has been listed once.
  bool synced() const;
  // Those that have an object of that kind.
  std::set<std::string> spaces(Kind kind) const;

  Result<ObjectPtr> get(const ObjectKey& key) const override { return below_.get(key); }
  Result<Listing> list(Kind kind, const ListOptions& options) const override {
    return below_.list(kind, options);
  }
  // Of one namespace and one of the kinds, from its beginning; others are the store's below.
  Result<std::unique_ptr<Watch>> watch(Kind kind, const WatchOptions& options) override;
  Result<ObjectPtr> create(Object object, const Cause& cause) override {
    return below_.create(std::move(object), cause);
  }
  Result<ObjectPtr> update(Object object, const Precondition& seen, const Cause& cause) override {
    return below_.update(std::move(object), seen, cause);
  }
  Result<ObjectPtr> update_status(const ObjectKey& key, std::string status, const Precondition& seen,
                                  const Cause& cause) override {
    return below_.update_status(key, std::move(status), seen, cause);
  }
  Result<ObjectPtr> remove(const ObjectKey& key, const Precondition& seen, const Cause& cause) override {
    return below_.remove(key, seen, cause);
  }

 private:
  class Part;
  struct Source {
    std::unique_ptr<Watch> watch;
    std::map<std::string, std::map<std::string, ObjectPtr>> objects;  // by namespace, then name
    std::set<Part*> parts;
    uint64_t version = 0;
    bool listed = false, synced = false;  // in this watch; ever
  };
  void pump(Kind kind, Source& source, std::set<std::string>& news);
  void take(Source& source, const Event& event, std::set<std::string>& news);
  static void restart(Source& source, const Error& why);

  Store& below_;
  const std::function<void()> wake_;
  std::map<Kind, Source> sources_;
};

}  // namespace slipway::store
