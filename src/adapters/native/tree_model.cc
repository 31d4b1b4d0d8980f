#include "adapters/native/tree_model.h"

#include <algorithm>
#include <cmath>

#include "values/base/bug.h"

namespace slipway::native {
namespace {

using tensor::Tensor;

constexpr size_t kRowsBetweenChecks = 256;

// The rows of any numeric tensor as the ensemble's own float type, one at a time.
template <class T>
void copy_row(const Tensor& from, size_t row, size_t width, T* to) {
  tensor::with_type(from.type, [&]<class S>() {
    if constexpr (std::is_arithmetic_v<S>) {
      const S* first = static_cast<const S*>(from.data) + row * width;
      std::transform(first, first + width, to, [](S value) { return static_cast<T>(value); });
    } else if constexpr (std::is_same_v<S, tensor::Half>) {
      const auto* first = static_cast<const tensor::Half*>(from.data) + row * width;
      std::transform(first, first + width, to,
                     [](tensor::Half half) { return static_cast<T>(tensor::widen(half)); });
    } else {
      BUG("text reached a tree model");
    }
  });
}

template <class T>
class TreeModel final : public backend::Model {
 public:
  TreeModel(TreeFile<T> file, backend::ModelInfo info)
      : file_(std::move(file)), info_(std::move(info)), signature_(signature_of(file_)) {}

  const tensor::Signature& signature() const override { return signature_; }
  const backend::ModelInfo& info() const override { return info_; }

  Status run(std::span<const Tensor> inputs, std::span<backend::OutputSlot> outputs,
             const backend::RunContext& context) const override {
    if (outputs.empty()) return ok();
    const auto rows = static_cast<size_t>(inputs[0].shape[0]);
    tensor::Shape shape = signature_.outputs[0].shape;
    shape.set(0, inputs[0].shape[0]);
    auto answer = tensor::make_tensor(tensor::data_type_of<T>(), shape, context.arena);
    const auto row = context.arena.make<T>(file_.ensemble.row_width());
    const auto sums = context.arena.make<T>(file_.base.size());
    if (!answer || row.data() == nullptr || sums.data() == nullptr)
      return fail(Code::kExhausted, "no memory left for the answers of {} rows; try again later", rows);
    file_.ensemble.prepare(row);
    if (Status done = fill(inputs[0], row, sums, *answer, context); !done) return done;
    for (backend::OutputSlot& slot : outputs) slot.tensor = *answer;
    return ok();
  }

 private:
  Status fill(const Tensor& input, std::span<T> row, std::span<T> sums, const Tensor& answer,
              const backend::RunContext& context) const {
    const auto rows = static_cast<size_t>(input.shape[0]);
    const size_t width = file_.ensemble.features(), outputs = rows == 0 ? 0 : answer.count / rows;
    T* to = answer.values<T>().data();
    for (size_t i = 0; i < rows; ++i, to += outputs) {
      if (i % kRowsBetweenChecks == kRowsBetweenChecks - 1 && context.cancelled != nullptr &&
          context.cancelled->load())
        return fail(Code::kUnavailable, "stopped after {} of {} rows", i, rows);
      copy_row(input, i, width, row.data());
      // LightGBM drops values in its zero window from a row before it walks, so they are 0 at every split.
      if constexpr (std::is_same_v<T, double>)
        for (double& x : row.first(width)) x = std::abs(x) <= kZeroThreshold ? 0.0 : x;
      score(row, sums);
      std::copy_n(sums.begin(), outputs, to);
    }
    return ok();
  }

  void score(std::span<const T> row, std::span<T> sums) const {
    std::copy(file_.base.begin(), file_.base.end(), sums.begin());
    file_.ensemble.walk(row, sums);
    if constexpr (std::is_same_v<T, float>) {
      apply(file_.link, sums);
    } else {
      if (file_.divide_by != 1)
        for (double& sum : sums) sum /= file_.divide_by;
      apply(file_.link, file_.link_scale, sums);
    }
  }

  const TreeFile<T> file_;
  const backend::ModelInfo info_;
  const tensor::Signature signature_;
};

}  // namespace

template <class T>
tensor::Signature signature_of(const TreeFile<T>& file) {
  const auto type = tensor::data_type_of<T>();
  const auto features = static_cast<int64_t>(file.ensemble.features());
  const size_t groups = file.base.size();
  tensor::Shape answer{-1};
  if (groups > 1 && file.link != Link::kArgMax) answer.push_back(static_cast<int64_t>(groups));
  return {.inputs = {{.name = "input__0",
                      .type = type,
                      .shape = {-1, features},
                      .accepts = tensor::Accepts::kAnyNumber,
                      .naming = tensor::Naming::kOurs,
                      .features = file.feature_names}},
          .outputs = {{.name = "output__0", .type = type, .shape = answer, .naming = tensor::Naming::kOurs}}};
}

template <class T>
std::unique_ptr<backend::Model> make_model(TreeFile<T> file, backend::ModelInfo info) {
  return std::make_unique<TreeModel<T>>(std::move(file), std::move(info));
}

template tensor::Signature signature_of(const TreeFile<float>&);
template tensor::Signature signature_of(const TreeFile<double>&);
template std::unique_ptr<backend::Model> make_model(TreeFile<float>, backend::ModelInfo);
template std::unique_ptr<backend::Model> make_model(TreeFile<double>, backend::ModelInfo);

}  // namespace slipway::native
