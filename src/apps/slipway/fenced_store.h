// A store that is written to only while that is allowed: what control does as long as it leads.
#pragma once

#include <functional>

#include "ports/store/store.h"

namespace slipway::app {

class FencedStore final : public store::Store {  // as thread-safe as the store below
 public:
  FencedStore(store::Store& below, std::function<bool()> may_write)
      : below_(below), may_write_(std::move(may_write)) {}

  Result<store::ObjectPtr> get(const store::ObjectKey& key) const override { return below_.get(key); }
  Result<store::Listing> list(store::Kind kind, const store::ListOptions& options) const override {
    return below_.list(kind, options);
  }
  Result<std::unique_ptr<store::Watch>> watch(store::Kind kind, const store::WatchOptions& options) override {
    return below_.watch(kind, options);
  }
  Result<store::ObjectPtr> create(store::Object object, const store::Cause& cause) override {
    if (!may_write_()) return refusal();
    return below_.create(std::move(object), cause);
  }
  Result<store::ObjectPtr> update(store::Object object, const store::Precondition& seen,
                                  const store::Cause& cause) override {
    if (!may_write_()) return refusal();
    return below_.update(std::move(object), seen, cause);
  }
  Result<store::ObjectPtr> update_status(const store::ObjectKey& key, std::string status,
                                         const store::Precondition& seen,
                                         const store::Cause& cause) override {
    if (!may_write_()) return refusal();
    return below_.update_status(key, std::move(status), seen, cause);
  }
  Result<store::ObjectPtr> remove(const store::ObjectKey& key, const store::Precondition& seen,
                                  const store::Cause& cause) override {
    if (!may_write_()) return refusal();
    return below_.remove(key, seen, cause);
  }

 private:
  static Result<store::ObjectPtr> refusal() {
    return fail(Code::kUnavailable, "another control leads: nothing is written");
  }

  store::Store& below_;
  const std::function<bool()> may_write_;
};

}  // namespace slipway::app
