// A deployment's life, and what the API shows of it at its end, for tests. The statuses are control's own:
// rollout::Story decides, `why` reads.
#pragma once

#include <string>
#include <vector>

#include "decide/rollout/testing/story.h"
#include "decide/why/why.h"

namespace slipway::why {

class Life {
 public:
  explicit Life(rollout::Story story);
  static Life serving();  // version 1, with one replica
  static Life first();    // nothing ran before

  rollout::Story* operator->() { return &story_; }
  void look();
  void change();                                                 // the spec goes to version 2
  void fails(int failures, Reason reason, std::string message);  // version 2 does

  std::string revision(int64_t version) const;  // its name
  domain::ModelDeployment deployment();
  std::vector<domain::EndpointSlice> endpoints() const;  // as the status has it
  Answer why();

  std::vector<Event> events;
  std::vector<domain::ModelVersion> versions;

 private:
  void remember();

  rollout::Story story_;
};

std::vector<Reason> reasons(const Answer& answer);
std::vector<std::string> evidence(const Cause& cause);  // "where: says"
domain::ModelVersion version_of(int64_t number, std::string datatype = "FP32");

}  // namespace slipway::why
