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
};

struct StoreFactory {
  std::string name;
  std::function<StoreUnderTest()> make;
  size_t history = 4096;  // changes that it keeps
};

class StoreContract : public testing::TestWithParam<StoreFactory> {
 protected:
  void SetUp() override {
    under_test_ = GetParam().make();
    ASSERT_NE(under_test_.store, nullptr);
  }
  Store& store() { return *under_test_.store; }

  StoreUnderTest under_test_;
};

// A valid deployment of that name.
Object deployment(const std::string& name, int replicas = 1);

}  // namespace slipway::store
