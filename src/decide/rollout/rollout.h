// The next step of a version change, and of everything else in a deployment's life, as a pure function.
//
// Order of a change, never otherwise: the candidate loads and warms on as many replicas as are wanted (weight
// 0); every gateway shows it with a connected endpoint ("routed"); its weight rises by the steps, each held
// for its time; at 100 the old revision is kept warm, then drains, and goes when no gateway shows weight for
// it and it has been quiet ("removed"). The spec that names a ready revision again ends the change at once,
// by weights. A newer spec replaces the candidate, never the stable side.
//
// A candidate fails when its replicas end again and again, or when nothing goes forward for
// rollout.deadline; then rollout.onFailure decides. It is not tried again in the same generation.
//
// Times are of a clock that never jumps while the process lives, but may between two lives: what is to last
// (a hold, what is kept, a deadline) counts from the start of the process at the earliest.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "values/domain/model_deployment.h"
#include "values/domain/model_version.h"

namespace slipway::rollout {

using domain::Fault;
using domain::ModelDeployment;
using domain::ModelDeploymentStatus;
using domain::Observation;
using domain::Reason;

struct Options {
  Duration quiet = std::chrono::seconds(2);   // without a request, before what was removed counts as quiet
  Duration grace = std::chrono::seconds(30);  // after a start, before a deadline counts: look first
  int load_failures = 2;  // ends of one replica by a model that cannot be served, before the candidate fails
  int failures = 3;       // the same, by other causes
  std::string url;        // what status.url begins with: "http://127.0.0.1:8080"; empty: none
};

// What the spec leads to: a revision to run, or why there is none.
struct Target {
  std::optional<domain::RevisionSpec> revision;
  std::optional<Fault> refusal;
};

// `versions`: every ModelVersion of the spec's model.
Target resolve(const ModelDeployment& deployment, const std::vector<domain::ModelVersion>& versions);

struct View {
  const ModelDeployment& deployment;
  const Target& target;
  const Observation& observation;                     // of this deployment; gateways whole
  std::map<std::string, Fault, std::less<>> refused;  // by revision: what the environment would not take
  // `seen`: when the observation was begun; `started`: since when this process observes.
  WallTime now, seen, started;
};

enum class Tone : uint8_t { kNormal, kWarning };

// Something that is worth an Event.
struct Note {
  Reason reason = Reason::kReady;
  std::string message;
  Tone tone = Tone::kNormal;

  bool operator==(const Note&) const = default;
};

struct Decision {
  ModelDeploymentStatus status;
  std::vector<Note> notes;
  bool changing = false;  // look again soon: a change is under way, or something old has still to go
};

Decision decide(const View& view, const Options& options);

}  // namespace slipway::rollout
