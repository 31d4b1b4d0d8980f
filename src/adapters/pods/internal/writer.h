// Writes children: server-side apply with what was seen as precondition, and removal. One thread.
#pragma once

#include <functional>

#include "adapters/pods/internal/seen.h"
#include "ports/environment/environment.h"
#include "system/kube/client.h"
#include "system/kube/metrics.h"

namespace slipway::pods {

extern const kube::Resource kDeployments, kServices, kBudgets, kPods;

class Writer {
 public:
  Writer(const kube::Access& access, std::function<bool()> may_write, kube::ApiMetrics& metrics)
      : client_(access, {.metrics = &metrics}), may_write_(std::move(may_write)) {}

  // Makes the object be as `intent` says; `seen`: as which it was known. One that is not known and not ours
  // is left alone: NameTaken. Gives it as it is now.
  tl::expected<kube::Object, domain::Fault> put(const kube::Resource& resource, json::Document intent,
                                                std::optional<Identity> seen);
  // Gone already is as well.
  environment::Applied remove(const kube::Resource& resource, const std::string& ns, const std::string& name);

 private:
  struct Found {
    std::optional<Identity> identity;  // nothing: there is none
    bool ours = false;
    std::string holder;  // who else it belongs to, for people
  };
  tl::expected<Found, domain::Fault> look(const kube::ObjectRef& ref);
  tl::expected<void, domain::Fault> ask_leave() const;

  kube::Client client_;
  const std::function<bool()> may_write_;
};

}  // namespace slipway::pods
