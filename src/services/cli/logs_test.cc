#include "services/cli/logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/cli/place.h"

namespace slipway::cli {
namespace {

using testing::ElementsAre;
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

std::vector<std::string> pods_of(const Result<std::vector<LogSource>>& sources) {
  std::vector<std::string> out;
  if (sources)
    for (const LogSource& each : *sources) out.push_back(each.pod);
  return out;
}

TEST(ChosenSources, AreNamedOrNumbered) {
  const std::vector<LogSource> all{{"credit-2-0a0a0a0a-0"}, {"credit-3-0b0b0b0b-0"}, {"credit-3-0b0b0b0b-1"}};
  EXPECT_EQ(*chosen_sources(all, ""), all);
  EXPECT_THAT(pods_of(chosen_sources(all, "1")), ElementsAre("credit-3-0b0b0b0b-1"));
  EXPECT_THAT(pods_of(chosen_sources(all, "0")), ElementsAre("credit-2-0a0a0a0a-0", "credit-3-0b0b0b0b-0"));
  EXPECT_THAT(pods_of(chosen_sources(all, all[1].pod)), ElementsAre("credit-3-0b0b0b0b-0"));
  EXPECT_THAT(chosen_sources(all, "7").error().message, HasSubstr("there is no replica '7'; there are"));
}

TEST(ChosenSources, OfAClusterAreNumberedByTheirOrder) {
  const std::vector<LogSource> all{{"credit-3-0b0b0b0b-5d9-x2", "server"},
                                   {"credit-3-0b0b0b0b-5d9-zz", "server"}};
  EXPECT_THAT(pods_of(chosen_sources(all, "1")), ElementsAre("credit-3-0b0b0b0b-5d9-zz"));
  EXPECT_FALSE(chosen_sources(all, "2"));
}

TEST(SourceOf, IsTheFetchingUntilThatHasDoneItsWork) {
  PodSeen pod{
      .name = "credit-3-a",
      .containers = {{.name = "fetch", .init = true, .reason = "CrashLoopBackOff"}, {.name = "server"}}};
  EXPECT_EQ(source_of(pod), (LogSource{"credit-3-a", "fetch"}));
  EXPECT_EQ(source_of(pod).str(), "credit-3-a fetch");
  pod.containers[0].ended = true;
  EXPECT_EQ(source_of(pod), (LogSource{"credit-3-a", "server"}));
  pod.containers = {{.name = "gateway"}};
  EXPECT_EQ(source_of(pod).container, "gateway");
  EXPECT_EQ(source_of({.name = "credit-3-a"}).container, "server");
}

TEST(GatewayUrl, IsWhatStandsBeforeTheModel) {
  EXPECT_EQ(gateway_url("http://127.0.0.1:8080/v2/models/credit"), "http://127.0.0.1:8080");
  EXPECT_EQ(gateway_url("https://ml.example.com/eu/v2/models/credit"), "https://ml.example.com/eu");
}

}  // namespace
}  // namespace slipway::cli
