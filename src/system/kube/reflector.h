// All objects of a resource that a selector picks, told one change at a time and kept up for ever: lists,
// watches, lists again where it must, on a thread of its own.
//
// What vanished while nobody watched is told as gone. An object that is older than what was told of it, or
// that was told already, is passed over. What was told stands while the server cannot be reached.
//
// Threads: the sink is called from the reflector's thread alone; everything else from any.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "system/kube/watch.h"

namespace slipway::kube {

struct ReflectorQuery {
  Resource resource;
  std::string ns;  // empty: all
  std::string label_selector, field_selector;
};

struct ReflectorSink {
  std::function<void(const Object&)> put;  // there, new or changed
  // Gone, or no longer picked by the selector, at that version: it may come again, later.
  std::function<void(const std::string& ns, const std::string& name, uint64_t version)> drop;
  std::function<void()> settled;  // all that has come for now was told; also when the first list is complete
};

class Reflector {
 public:
  // Begins at once. `access` is copied; `clock` must outlive it.
  Reflector(const Access& access, ReflectorQuery query, const runtime::Clock& clock, ReflectorSink sink,
            WatchOptions options = {});
  ~Reflector();
  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;

  // Whether everything that was there has been told once.
  bool synced() const { return synced_; }
  // The server cannot be reached, or refuses: what was told may be old.
  bool lost() const { return lost_; }
  std::string last_error() const SLIPWAY_EXCLUDES(mutex_);
  // How often everything was listed.
  int64_t lists() const { return lists_; }

 private:
  using Key = std::pair<std::string, std::string>;
  struct Known {
    std::string uid;
    uint64_t version = 0;
  };
  void run();
  void take(const WatchEvent& event);
  void put(const Object& object);
  void drop(const Key& key, uint64_t version);
  void finish_list(uint64_t version);
  void fail_for_now(const ApiError& why);
  void recover();

  const ReflectorQuery query_;
  const ReflectorSink sink_;
  const Duration longest_pause_;
  Watch watch_;
  // The thread's.
  std::map<Key, Known> known_;
  std::set<Key> listed_;                   // seen in the list that is under way
  std::map<std::string, uint64_t> ended_;  // when, by uid: late news of it does not bring it back
  bool listing_ = true;
  int failures_ = 0;

  std::atomic<bool> synced_{false}, lost_{false};
  std::atomic<int64_t> lists_{0};
  mutable runtime::Mutex mutex_;
  runtime::CondVar stop_asked_;
  bool stopping_ SLIPWAY_GUARDED_BY(mutex_) = false;
  std::string error_ SLIPWAY_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace slipway::kube
