// What the status says that matters, one by one: each is a cause in the making.
#pragma once

#include <string>
#include <vector>

#include "decide/why/internal/table.h"
#include "decide/why/why.h"

namespace slipway::why {

struct Signal {
  Reason reason;
  std::string says;                               // one line
  std::string log;                                // last lines, or empty
  const domain::RevisionStatus* about = nullptr;  // of the view
  Evidence evidence;
  std::string finding, next, hint;  // where they differ from the table's; empty: the table's
  bool foremost = false;            // the root, whatever the table says
};

// In no particular order; none when everything is well and at rest.
std::vector<Signal> signals_of(const View& view);

std::string object_of(const domain::ModelDeployment& deployment);  // "modeldeployment/credit"
// The revision that the spec wants: the candidate, the failed one, or what serves; null: there is none.
const domain::RevisionStatus* wanted_of(const domain::ModelDeployment& deployment);

}  // namespace slipway::why
