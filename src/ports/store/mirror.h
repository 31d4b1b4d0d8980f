// What a store holds of one kind, kept up by a watch: for whoever decides again and again on all of it.
//
// Level-triggered: pull() says which names changed, not how. A watch that breaks off is opened again, and
// what vanished meanwhile is told as changed; until then the last that was known stands. Changes that are
// older than what is known of an object are passed over. One thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "ports/store/store.h"

namespace slipway::store {

class Mirror {
 public:
  // `wake` is called, from any thread, when there is something to pull; may be null.
  Mirror(Store& store, Kind kind, std::string space, std::function<void()> wake);
  ~Mirror();
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  struct Changes {
    std::set<std::string> changed;   // there now, and other than before
    std::set<std::string> replaced;  // by another object of the same name; also in `changed`
    std::set<std::string> gone;
  };
  // Everything that has come since the last call. An error says why nothing can come now; try again later.
  Result<Changes> pull();

  // Whether all that was there has been seen once: before that, what is missing may only not have come yet.
  bool synced() const { return synced_; }
  const std::map<std::string, ObjectPtr, std::less<>>& objects() const { return objects_; }
  ObjectPtr find(std::string_view name) const;
  // What happens is not told at the moment: what is known stands, and may be old.
  bool lost() const { return !watch_ || watch_->lost(); }
  // Opens another watch at the next pull(): the store has moved, and may be another, which counts anew. What
  // is known stands meanwhile.
  void reopen() {
    watch_.reset();
    moved_ = true;
  }
  // What this process wrote itself, before the watch tells it.
  void put(ObjectPtr object);

 private:
  Status open();
  void take(const Event& event, Changes& changes);
  void remember_end(const std::string& uid);
  void finish_list(Changes& changes);

  Store& store_;
  const Kind kind_;
  const std::string space_;
  const std::function<void()> wake_;
  std::map<std::string, ObjectPtr, std::less<>> objects_;
  std::set<std::string> listed_;  // seen since the watch was opened, until its list is complete
  std::set<std::string> ended_;   // uids of what is gone: late news of it does not bring it back
  std::deque<std::string> ends_;  // the same, the oldest first
  bool listing_ = false, synced_ = false, moved_ = false;
  std::unique_ptr<Watch> watch_;
};

}  // namespace slipway::store
