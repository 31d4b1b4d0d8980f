#include "services/cli/logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/cli/place.h"

namespace slipway::cli {
namespace {

using testing::HasSubstr;

TEST(LineMarkerTest, MarksWholeLinesHoweverTheyCome) {
  LineMarker marker("[a-0] ");
  EXPECT_EQ(marker.take("one\ntw"), "[a-0] one\n");
  EXPECT_EQ(marker.take("o\n\n"), "[a-0] two\n[a-0] \n");
  EXPECT_EQ(marker.take("no end"), "");
  EXPECT_EQ(marker.rest(), "[a-0] no end\n");
  EXPECT_EQ(marker.rest(), "");
}

TEST(LineMarkerTest, LetsTheLogOfOneThroughAsItComes) {
  LineMarker marker("");
  EXPECT_EQ(marker.take("one\ntw"), "one\ntw");
  EXPECT_EQ(marker.rest(), "");
}

TEST(ChosenReplicas, AreNamedOrNumbered) {
  const std::vector<std::string> all{"credit-2-0a0a0a0a-0", "credit-3-0b0b0b0b-0", "credit-3-0b0b0b0b-1"};
  EXPECT_EQ(*chosen_replicas(all, ""), all);
  EXPECT_EQ(*chosen_replicas(all, "1"), std::vector<std::string>{all[2]});
  EXPECT_EQ(*chosen_replicas(all, "0"), (std::vector<std::string>{all[0], all[1]}));
  EXPECT_EQ(*chosen_replicas(all, all[1]), std::vector<std::string>{all[1]});
  EXPECT_THAT(chosen_replicas(all, "7").error().message, HasSubstr("there is no replica '7'; there are"));
}

TEST(GatewayUrl, IsWhatStandsBeforeTheModel) {
  EXPECT_EQ(gateway_url("http://127.0.0.1:8080/v2/models/credit"), "http://127.0.0.1:8080");
  EXPECT_EQ(gateway_url("https://ml.example.com/eu/v2/models/credit"), "https://ml.example.com/eu");
}

}  // namespace
}  // namespace slipway::cli
