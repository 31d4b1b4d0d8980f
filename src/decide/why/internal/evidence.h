// What bears a cause out, besides the status: Events, the versions, the spec, the log.
#pragma once

#include <vector>

#include "decide/why/internal/signals.h"

namespace slipway::why {

Evidence evidence_of(const Event& event);

// The last Events of that reason; of a revision's, those that name it. The latest first.
std::vector<Evidence> events_about(const View& view, Reason reason, const domain::RevisionStatus* about);
// What a cluster's own controllers say that bears the cause out: of the revision's objects, or of all those
// of the deployment when it is of none. The latest first.
std::vector<Evidence> cluster_events(const View& view, Reason reason, const domain::RevisionStatus* about);
// What the spec and the versions say to this cause; the log's last lines.
std::vector<Evidence> facts_about(const View& view, const Signal& signal);
// The last faults that Events tell of, of whatever reason. The latest first.
std::vector<Evidence> past_faults(const View& view);
// What was decided last about the deployment.
std::optional<Evidence> last_decision(const View& view);

}  // namespace slipway::why
