#include "ports/backend/testing/fake_backend.h"

#include <fstream>

namespace slipway::backend::testing {
namespace {

class FakeModel final : public Model {
 public:
  FakeModel(std::shared_ptr<FakeBehaviour> behaviour, ModelInfo info)
      : behaviour_(std::move(behaviour)), info_(std::move(info)) {}

  const tensor::Signature& signature() const override { return behaviour_->signature; }
  const ModelInfo& info() const override { return info_; }

  Status run(std::span<const tensor::Tensor> inputs, std::span<OutputSlot> outputs,
             const RunContext& context) const override {
    ++behaviour_->runs;
    if (behaviour_->before_run) behaviour_->before_run();
    if (behaviour_->check)
      if (Status good = behaviour_->check(inputs); !good) return good;
    const tensor::Shape shape =
        behaviour_->answer_shape.rank() > 0 ? behaviour_->answer_shape : inputs[0].shape;
    for (OutputSlot& slot : outputs) {
      auto made = tensor::make_tensor(behaviour_->signature.outputs[slot.index].type, shape, context.arena);
      if (!made) return fail(made.error());
      if (made->type == tensor::DataType::kFp32 && inputs[0].type == tensor::DataType::kFp32)
        for (size_t i = 0; i < std::min(made->count, inputs[0].count); ++i)
          made->values<float>()[i] = 2 * inputs[0].values<float>()[i];
      slot.tensor = *made;
    }
    return ok();
  }

 private:
  const std::shared_ptr<FakeBehaviour> behaviour_;
  const ModelInfo info_;
};

Result<ModelInfo> info_of(const ModelFiles& files) {
  if (!std::ifstream(files.root + "/" + files.main))
    return fail(Code::kNotFound, "{}: is not there", files.main);
  return ModelInfo{.platform = "fake", .files = {files.main}};
}

}  // namespace

Result<Backend::Inspection> FakeBackend::inspect(const ModelFiles& files) const {
  auto info = info_of(files);
  if (!info) return fail(info.error());
  return Inspection{.signature = behaviour_->signature, .info = *info};
}

Result<std::unique_ptr<Model>> FakeBackend::load(const ModelFiles& files, const LoadOptions&) const {
  auto info = info_of(files);
  if (!info) return fail(info.error());
  return std::make_unique<FakeModel>(behaviour_, *info);
}

}  // namespace slipway::backend::testing
