#include "services/cli/why.h"

#include <gtest/gtest.h>

namespace slipway::cli {
namespace {

using domain::Reason;

const WallTime kNow{std::chrono::seconds(1'767'225'600)};  // 2026-01-01T00:00:00Z

TEST(WhyText, ShowsTheRootFirstWithEvidenceAndTheNextStep) {
  const why::Answer answer{
      .verdict = why::Verdict::kWrong,
      .summary = "version 4 of credit failed; version 3 serves on",
      .causes = {{.reason = Reason::kLoadFailed,
                  .finding = "the model cannot be loaded",
                  .evidence = {{.object = "modeldeployment/credit",
                                .where = "status.revisions[credit-4-8f2a1c40].fault",
                                .says = "no such tree\nlast line\x1b[2J",
                                .time = "2025-12-31T23:59:00Z",
                                .count = 2},
                               {.object = "modelversion/credit-4", .where = "", .says = "words", .time = ""}},
                  .next = "slipway logs credit-4-8f2a1c40-0",
                  .hint = "push a version that loads"},
                 {.reason = Reason::kRolledBack,
                  .finding = "the old one serves",
                  .evidence = {},
                  .next = "",
                  .hint = "nothing to do here"}},
      .decided = why::Evidence{.object = "modeldeployment/credit",
                               .where = "Event RolledBack",
                               .says = "credit-3 gets all requests again",
                               .time = "2025-12-31T23:59:30Z"}};
  EXPECT_EQ(
      why_text(answer, kNow),
      "wrong: version 4 of credit failed; version 3 serves on\n"
      "1. LoadFailed: the model cannot be loaded\n"
      "   - modeldeployment/credit status.revisions[credit-4-8f2a1c40].fault: no such tree\n"
      "       last line\\x1b[2J (2 times, last 60s ago)\n"
      "   - modelversion/credit-4: words\n"
      "   next: slipway logs credit-4-8f2a1c40-0\n"
      "         push a version that loads\n"
      "2. RolledBack: the old one serves\n"
      "   next: nothing to do here\n"
      "last decided: modeldeployment/credit Event RolledBack: credit-3 gets all requests again (30s ago)\n");
}

}  // namespace
}  // namespace slipway::cli
