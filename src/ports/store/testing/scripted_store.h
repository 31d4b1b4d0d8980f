// A store that a test plays: what is there, what its watches tell and when, and how they fail. For tests of
// whoever watches. It gives no history and takes no writes but the test's own. One thread.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ports/store/store.h"

namespace slipway::store {

class ScriptedStore final : public Store {
 public:
  ScriptedStore();
  ~ScriptedStore() override;

  // The world as it is now; open watches are told, later ones begin with it. What has no uid gets one, that
  // of its predecessor if there is one; put() gives the version.
  uint64_t put(Object object);
  void erase(Kind kind, const std::string& name);

  // Until it is let, no watch of that kind opens.
  void refuse(Kind kind, Error why);
  void let(Kind kind);
  // Ends those that are open, after what they were told already.
  void break_off(Kind kind, Error why);
  // Another store, empty and counting from 1, as after its disk was lost.
  void begin_anew(Error why);
  // From now on watches of that kind tell nothing, not even what was there, until release().
  void hold(Kind kind);
  void release(Kind kind);
  // Any event at all, to those that are open: late ones, doubled ones.
  void tell(Kind kind, Event event);
  int opened(Kind kind) const;  // how often a watch of that kind was
  uint64_t version() const { return version_; }

  Result<ObjectPtr> get(const ObjectKey& key) const override;
  Result<Listing> list(Kind kind, const ListOptions& options) const override;
  Result<std::unique_ptr<Watch>> watch(Kind kind, const WatchOptions& options) override;
  Result<ObjectPtr> create(Object object, const Cause& cause) override;
  Result<ObjectPtr> update(Object object, const Precondition& seen, const Cause& cause) override;
  Result<ObjectPtr> update_status(const ObjectKey& key, std::string status, const Precondition& seen,
                                  const Cause& cause) override;
  Result<ObjectPtr> remove(const ObjectKey& key, const Precondition& seen, const Cause& cause) override;

 private:
  struct Channel;
  class ScriptedWatch;
  struct Of {  // what there is for each kind
    std::optional<Error> refusal;
    bool held = false;
    int opened = 0;
    std::vector<std::weak_ptr<Channel>> channels;
  };
  void each_open(Kind kind, const std::function<void(Channel&)>& act);

  std::map<ObjectKey, ObjectPtr> objects_;
  std::map<Kind, Of> kinds_;
  uint64_t version_ = 0;
};

}  // namespace slipway::store
