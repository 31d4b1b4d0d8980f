#include "values/domain/observed.h"

#include <gtest/gtest.h>

namespace slipway::domain {
namespace {

const Observed kObserved{.in_flight = 2,
                         .arrivals = 70,
                         .queued = 1,
                         .idle_seconds = 0.5,
                         .revisions = {{.revision = "credit-3-e3b0c442",
                                        .model = "credit",
                                        .version = 3,
                                        .digest = "sha256:e3",
                                        .state = RevisionState::kReady}}};

TEST(Observed, ReadsBackWhatItWrites) { EXPECT_EQ(parse_observed(to_json(kObserved)), kObserved); }

TEST(Observed, SkipsWhatANewerServerAdds) {
  EXPECT_EQ(parse_observed(R"({"arrivals":7,"newer":[{"a":1}]})"), (Observed{.arrivals = 7}));
}

TEST(Observed, RefusesAStateThatItDoesNotKnow) {
  EXPECT_FALSE(parse_observed(R"({"revisions":[{"state":"Sleeping"}]})"));
  EXPECT_FALSE(parse_observed("[]"));
}

TEST(Revision, IsNamedAfterModelVersionAndWhatRuns) {
  EXPECT_EQ(revision_name("credit", 3, base::sha256("")), "credit-3-e3b0c442");
}

}  // namespace
}  // namespace slipway::domain
