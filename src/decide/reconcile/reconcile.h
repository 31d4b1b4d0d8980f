// From the status of a deployment to what its environment has to be told.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "values/domain/action.h"
#include "values/domain/model_deployment.h"
#include "values/domain/observation.h"

namespace slipway::reconcile {

// Whose revisions they are.
struct Owner {
  std::string_view name, uid;
};

// `status` null: there is no such deployment any more. Actions in the order in which they are to be done:
// what is to come before what is to go. Empty: all has been told.
std::vector<domain::Action> plan(const Owner& owner, const domain::ModelDeploymentStatus* status,
                                 const domain::Observation& observation);

// An observation taken apart: by deployment, what is about it alone. Each part has all gateways, with their
// rows about it.
class Parts {
 public:
  Parts() = default;
  explicit Parts(const domain::Observation& observation);

  // Of a deployment that nothing is seen of: the gateways without rows.
  const domain::Observation& of(std::string_view deployment) const;
  const std::map<std::string, domain::Observation, std::less<>>& all() const { return parts_; }

 private:
  domain::Observation& part(const std::string& deployment);

  std::map<std::string, domain::Observation, std::less<>> parts_;
  domain::Observation nothing_;
};

// Whether there is no news in `now` for a deployment that is not in change: load and times do not count.
bool same_at_rest(const domain::Observation& before, const domain::Observation& now);

}  // namespace slipway::reconcile
