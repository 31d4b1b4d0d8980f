#include "adapters/processes/internal/end.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "adapters/processes/internal/limits.h"

namespace slipway::processes {
namespace {

using domain::Fault;
using domain::Reason;
using Kind = os::ProcessEnd::Kind;

TEST(FaultOfAnEnd, AModelThatCannotBeServedIsNamedByItsLastLine) {
  EXPECT_EQ(fault_of({.end = {Kind::kExited, 3}, .log = "{\"level\":\"info\"}\nerror: model m: no model"}),
            (Fault{Reason::kLoadFailed, "model m: no model"}));
  EXPECT_EQ(fault_of({.end = {Kind::kExited, 3}}),
            (Fault{Reason::kLoadFailed, "the model cannot be served"}));
}

TEST(FaultOfAnEnd, AnyOtherCodeIsShownWithTheLastLines) {
  EXPECT_EQ(fault_of({.end = {Kind::kExited, 1}, .log = "one\ntwo"}),
            (Fault{Reason::kExited, "it ended with code 1; its last lines:\none\ntwo"}));
  EXPECT_EQ(fault_of({.end = {Kind::kExited, 0}}), (Fault{Reason::kExited, "it ended with code 0"}));
}

TEST(FaultOfAnEnd, AKillIsTheSystemsWhenItsMemoryWasUsedUp) {
  EXPECT_EQ(fault_of({.end = {Kind::kSignal, SIGKILL}}), (Fault{Reason::kKilled, "it was ended by SIGKILL"}));
  EXPECT_EQ(fault_of({.end = {Kind::kSignal, SIGKILL}, .out_of_memory = true, .memory_limit = 64 << 20}),
            (Fault{Reason::kOutOfMemory, "it wanted more memory than its 64 MiB"}));
  EXPECT_EQ(fault_of({.end = {Kind::kSignal, SIGSEGV}, .out_of_memory = true}).reason, Reason::kKilled);
}

TEST(FaultOfAnEnd, AnAllocationThatTheLimitRefusedIsOutOfMemoryToo) {
  const std::string log = "terminate called after throwing an instance of 'std::bad_alloc'";
  EXPECT_EQ(fault_of({.end = {Kind::kSignal, SIGABRT}, .log = log, .memory_limit = 1 << 20}).reason,
            Reason::kOutOfMemory);
  EXPECT_EQ(fault_of({.end = {Kind::kSignal, SIGABRT}, .log = log}).reason, Reason::kKilled);
}

TEST(FaultOfAnEnd, OfAnAdoptedOneOnlyItsLogIsKnown) {
  const Fault fault = fault_of({.end = {}, .log = "bye"});
  EXPECT_EQ(fault.reason, Reason::kExited);
  EXPECT_THAT(fault.message, testing::HasSubstr("how is not known"));
  EXPECT_THAT(fault.message, testing::EndsWith("bye"));
}

TEST(LimitsWithoutAGroup, AreThreadsAndALastResortBeyondWhatIsAskedFor) {
  const Granted none = grant_without_group({}, 4);
  EXPECT_EQ(none.threads, 0);
  EXPECT_EQ(none.data_bytes, 0u);
  EXPECT_EQ(grant_without_group({.cpu_millis = 1500}, 4).threads, 2);
  EXPECT_EQ(grant_without_group({.cpu_millis = 100}, 4).threads, 1);
  // The stacks of many threads are reserved, not used.
  const uint64_t one = grant_without_group({.cpu_millis = 1000, .memory_bytes = 1 << 30}, 64).data_bytes;
  EXPECT_GT(one, uint64_t{2} << 30);
  EXPECT_GT(grant_without_group({.memory_bytes = 1 << 30}, 64).data_bytes, one);
}

TEST(Machine, SaysHowMuchMemoryThereIsAndWhatAProcessHas) {
  EXPECT_GT(machine_memory(), uint64_t{64} << 20);
  const uint64_t ours = resident_bytes(::getpid());
  EXPECT_GT(ours, uint64_t{1} << 20);
  EXPECT_LT(ours, machine_memory());
  EXPECT_EQ(resident_bytes(0), 0u);
}

TEST(Limits, SayWhichTheyAre) {
  const Limits none = Limits::find(Limits::Groups::kNever, "slipway-test");
  EXPECT_TRUE(none.must_watch());
  EXPECT_THAT(none.text(), testing::HasSubstr("RLIMIT_DATA"));
  const Limits some = Limits::find(Limits::Groups::kWhereWritable, "slipway-limits-test");
  const auto granted = some.grant("one", {.cpu_millis = 500, .memory_bytes = 64 << 20});
  ASSERT_TRUE(granted) << granted.error().message;
  EXPECT_EQ(granted->enter.empty(), some.must_watch());
  EXPECT_EQ(granted->threads, 1);
  EXPECT_FALSE(some.ran_out_of_memory("one"));
  some.release("one");
}

}  // namespace
}  // namespace slipway::processes
