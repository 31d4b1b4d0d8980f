#include "adapters/processes/processes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/processes/testing/machine.h"

namespace slipway::processes {
namespace {

using environment::EnvironmentContract;
using environment::WorldFactory;

INSTANTIATE_TEST_SUITE_P(Processes, EnvironmentContract,
                         ::testing::Values(WorldFactory{
                             "Processes",
                             [] { return std::make_unique<testing::Machine>(SLIPWAY_TEST_CHILD); }}),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace slipway::processes
