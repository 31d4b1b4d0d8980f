// What every store keeps, as tests. An implementation's test says how to make one:
//
//   INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, testing::Values(StoreFactory{…}));
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "ports/store/store.h"

namespace slipway::store {

struct StoreUnderTest {
  std::shared_ptr<void> world;  // what the store stands on, kept until the store is gone
  std::unique_ptr<Store> store;
  std::string space = "default";  // a namespace that is there, with nothing in it
};

struct StoreFactory {
  std::string name;
  std::function<StoreUnderTest()> make;
  size_t history = 4096;  // changes that it keeps
  enum class Future { kRefused, kAwaited };
  Future future = Future::kRefused;  // what becomes of a watch from a version that has not happened
  std::string absent;                // why there may be no store to test: then it is skipped
};

class StoreContract : public testing::TestWithParam<StoreFactory> {
 protected:
  void SetUp() override {
    under_test_ = GetParam().make();
    if (under_test_.store == nullptr && !GetParam().absent.empty()) GTEST_SKIP() << GetParam().absent;
    ASSERT_NE(under_test_.store, nullptr);
  }
  Store& store() { return *under_test_.store; }
  const std::string& space() const { return under_test_.space; }
  ObjectKey key(const std::string& name) const { return {Kind::kModelDeployment, space(), name}; }
  // A valid one, in the namespace.
  Object deployment(const std::string& name, int replicas = 1) const;

  StoreUnderTest under_test_;
};

// A valid deployment of that name, in the namespace default.
Object deployment(const std::string& name, int replicas = 1);

}  // namespace slipway::store
