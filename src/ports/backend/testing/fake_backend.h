// A backend whose models do what a test tells them: for tests of what stands above the port. It says nothing
// of how real runtimes behave; the contract test does.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "ports/backend/backend.h"

namespace slipway::backend::testing {

// What a fake model is and does; shared by all models of one FakeBackend, so a test can change it while they
// serve.
struct FakeBehaviour {
  tensor::Signature signature{.inputs = {{.name = "x", .type = tensor::DataType::kFp32, .shape = {-1, 2}}},
                              .outputs = {{.name = "y", .type = tensor::DataType::kFp32, .shape = {-1, 2}}}};
  std::function<void()> before_run;                              // to wait on a latch, say
  std::function<Status(std::span<const tensor::Tensor>)> check;  // what it fails with
  tensor::Shape answer_shape;  // when not the input's: to break the signature
  std::atomic<int> runs{0};
};

// Doubles its first input.
class FakeBackend final : public Backend {
 public:
  explicit FakeBackend(std::shared_ptr<FakeBehaviour> behaviour) : behaviour_(std::move(behaviour)) {}

  std::string_view name() const override { return "fake"; }
  Result<Inspection> inspect(const ModelFiles& files) const override;
  Result<std::unique_ptr<Model>> load(const ModelFiles& files, const LoadOptions& options) const override;

 private:
  std::shared_ptr<FakeBehaviour> behaviour_;
};

}  // namespace slipway::backend::testing
