#include "system/runtime/cpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "system/runtime/cgroup.h"

namespace slipway::runtime {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto kV2Mount = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

TEST(Cpus, FollowTheQuotaAndNotTheHost) {
  EXPECT_EQ(quota_v2("200000 100000"), 2);
  EXPECT_EQ(quota_v2("150000 100000"), 2);
  EXPECT_EQ(quota_v2("9223372036854775807 1"), 2147483647);
  EXPECT_EQ(quota_v2("max 100000"), std::nullopt);
  EXPECT_EQ(quota_v2(""), std::nullopt);
  EXPECT_EQ(quota_v1("50000", "100000"), 1);
  EXPECT_EQ(quota_v1("-1", "100000"), std::nullopt);
  EXPECT_GE(granted_cpus(), 1);
}

TEST(Cpus, FollowTheTightestGroupOfTheWay) {
  const std::string top = testing::TempDir() + "cpus_test." + std::to_string(::getpid());
  const std::string middle = top + "/slice", own = middle + "/unit";
  std::filesystem::create_directories(own);
  std::ofstream(own + "/cpu.max") << "max 100000\n";
  std::ofstream(middle + "/cpu.max") << "300000 100000\n";
  std::ofstream(top + "/cpu.cfs_quota_us") << "800000\n";
  std::ofstream(top + "/cpu.cfs_period_us") << "100000\n";
  EXPECT_EQ(tightest_quota(std::vector{own, middle, top}), 3);
  EXPECT_EQ(tightest_quota(std::vector{own, top}), 8);
  EXPECT_EQ(tightest_quota(std::vector{own, top + "/none"}), std::nullopt);
  std::filesystem::remove_all(top);
}

TEST(Cgroup, OfVersionTwoIsFoundWithAllAboveIt) {
  EXPECT_THAT(cpu_cgroups("0::/system.slice/slipway.service\n", kV2Mount),
              ElementsAre("/sys/fs/cgroup/system.slice/slipway.service", "/sys/fs/cgroup/system.slice",
                          "/sys/fs/cgroup"));
  EXPECT_THAT(cpu_cgroups("0::/\n", kV2Mount), ElementsAre("/sys/fs/cgroup"));
}

TEST(Cgroup, OfVersionOneIsThatOfTheCpuController) {
  constexpr auto kMounts =
      "31 25 0:27 / /sys/fs/cgroup/cpuset rw shared:9 - cgroup cgroup rw,cpuset\n"
      "32 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 - cgroup cgroup rw,cpu,cpuacct\n"
      "33 25 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  EXPECT_THAT(
      cpu_cgroups("5:cpuset:/a\n4:cpu,cpuacct:/b/c\n1:name=systemd:/d\n0::/e\n", kMounts),
      ElementsAre("/sys/fs/cgroup/cpu,cpuacct/b/c", "/sys/fs/cgroup/cpu,cpuacct/b",
                  "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/unified/e", "/sys/fs/cgroup/unified"));
  EXPECT_THAT(cpu_cgroups("4:cpuacct:/b\n", kMounts), IsEmpty());
}

// A container sees the host's path of its group, and that group mounted as the top.
TEST(Cgroup, InAContainerStartsWhereItsMountDoes) {
  constexpr auto kMounted = "40 30 0:28 /docker/7f /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n";
  EXPECT_THAT(cpu_cgroups("4:cpu:/docker/7f\n", kMounted), ElementsAre("/sys/fs/cgroup/cpu"));
  EXPECT_THAT(cpu_cgroups("4:cpu:/docker/7f/worker\n", kMounted),
              ElementsAre("/sys/fs/cgroup/cpu/worker", "/sys/fs/cgroup/cpu"));
  EXPECT_THAT(cpu_cgroups("4:cpu:/docker/7fff\n", kMounted), ElementsAre("/sys/fs/cgroup/cpu"));
  EXPECT_THAT(cpu_cgroups("4:cpu:/elsewhere\n", kMounted), ElementsAre("/sys/fs/cgroup/cpu"));
  EXPECT_THAT(cpu_cgroups("0::/../other\n", kV2Mount), ElementsAre("/sys/fs/cgroup"));
}

TEST(Cgroup, SkipsWhatItCannotRead) {
  EXPECT_THAT(cpu_cgroups("", kV2Mount), IsEmpty());
  EXPECT_THAT(cpu_cgroups("0::/a\n", ""), IsEmpty());
  EXPECT_THAT(cpu_cgroups("no colons\n:\n0::/a", "short - cgroup2 x\n- - -\n" + std::string(kV2Mount)),
              ElementsAre("/sys/fs/cgroup/a", "/sys/fs/cgroup"));
  EXPECT_THAT(cpu_cgroups("0::/a b\n", R"(30 23 0:26 / /my\040groups rw - cgroup2 x rw)"),
              ElementsAre("/my groups/a b", "/my groups"));
}

}  // namespace
}  // namespace slipway::runtime
