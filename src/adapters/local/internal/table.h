// The objects of one kind, and what changed of late. Guarded by whoever owns it.
#pragma once

#include <deque>
#include <map>
#include <utility>

#include "ports/store/store.h"

namespace slipway::local {

class Table {
 public:
  explicit Table(size_t history) : history_limit_(history) {}

  using Name = std::pair<std::string, std::string>;  // namespace, name

  domain::ObjectPtr find(const domain::ObjectKey& key) const;
  void put(domain::ObjectPtr object) { objects_[{object->key.space, object->key.name}] = std::move(object); }
  // Takes a change into the objects and the history.
  void apply(store::Event event);

  // As it was at a version; kNotFound when that is no longer known.
  Result<store::Listing> list(const store::ListOptions& options, uint64_t now) const;

  // The change behind a position, or null: positions count changes since the start.
  const store::Event* event_at(uint64_t position) const;
  uint64_t first_position() const { return first_; }
  uint64_t end_position() const { return first_ + history_.size(); }
  // The position of the first change behind a version; kNotFound when it is no longer kept.
  Result<uint64_t> position_after(uint64_t version) const;
  // Everything behind this version is in the history.
  void set_floor(uint64_t version) { floor_ = version; }

 private:
  using Objects = std::map<Name, domain::ObjectPtr>;
  void undo(Objects& objects, const store::Event& event) const;
  static store::Listing cut(const Objects& objects, const store::ListOptions& options);

  size_t history_limit_;
  Objects objects_;
  std::deque<store::Event> history_;
  uint64_t first_ = 0;  // position of history_.front()
  uint64_t floor_ = 0;
};

}  // namespace slipway::local
