// Why a deployment is as it is, from API objects alone: ranked causes with evidence, each with the next step.
//
// The root comes first and what follows from it after: LoadFailed before ProgressDeadlineExceeded before
// RolledBack. What holds is read from the status; Events bear it out. The same view always gives the same
// answer, whatever the order of its lists.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "values/domain/endpoint_slice.h"
#include "values/domain/model_deployment.h"
#include "values/domain/model_version.h"

namespace slipway::why {

using domain::Reason;

// An Event of the API, as far as it matters here.
struct Event {
  std::string object;  // what it is about: "modeldeployment/credit"
  std::string reason;  // mostly, but not always, of the closed list: others may write Events too
  std::string message;
  bool warning = false;
  std::string first, last;  // RFC 3339
  int64_t count = 1;
  uint64_t version = 0;  // its resourceVersion: times have whole seconds

  bool operator==(const Event&) const = default;
};
// kInvalid when it is no Event, or says neither reason nor object.
Result<Event> parse_event(const domain::Object& object);

struct View {
  const domain::ModelDeployment& deployment;
  std::vector<domain::ModelVersion> versions;  // of its model, and those that its revisions are of
  std::vector<Event> events;                   // about it, its model's versions, its revisions
  // Those of its revisions; nothing: the API does not know them yet (503), control has still to look.
  std::optional<std::vector<domain::EndpointSlice>> endpoints;
  WallTime now;
};

// Something that the API shows. For people: "object where: says (count times, last at time)".
struct Evidence {
  std::string object;  // "modeldeployment/credit", "modelversion/credit-2", "endpointslice/credit-2-8f2a1c40"
  std::string where;   // "status.conditions[Progressing]", "spec.version", "Event LoadFailed", "log"
  std::string says;    // may have several lines: the last ones of a log
  std::string time;    // RFC 3339, when it began to hold or last happened; empty: it has none
  int64_t count = 1;   // how often it happened

  bool operator==(const Evidence&) const = default;
};

struct Cause {
  Reason reason = Reason::kReady;
  std::string finding;  // one sentence, without a full stop
  std::vector<Evidence> evidence;
  std::string next;  // a command line to run now; empty: there is nothing to do
  std::string hint;  // what the command is for, or what to do besides; may be empty

  bool operator==(const Cause&) const = default;
};

// Well: as the spec wants it. Changing: on its way there, nothing is wrong. Waiting: for people, or for
// something that is expected to pass. Wrong: it does not get there by itself, or nobody answers.
enum class Verdict : uint8_t { kWell, kChanging, kWaiting, kWrong };
std::string_view name(Verdict verdict);  // "well", …

struct Answer {
  Verdict verdict = Verdict::kWell;
  std::string summary;        // one sentence, without a full stop: "nothing is wrong: …", "credit does not …"
  std::vector<Cause> causes;  // the root first; never empty
  std::optional<Evidence> decided;  // what was decided last, and why; nothing: no Event is at hand

  bool operator==(const Answer&) const = default;
};

Answer explain(const View& view);

// Of a deployment that is not there: whether it was deleted, and what could be deployed under that name.
Answer explain_missing(std::string_view deployment, const std::vector<domain::ModelVersion>& versions,
                       const std::vector<Event>& events);

// {"verdict":…,"summary":…,"causes":[…],"decided":…}
json::Document to_document(const Answer& answer);

}  // namespace slipway::why
