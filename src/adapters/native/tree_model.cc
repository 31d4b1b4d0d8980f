#include "adapters/native/tree_model.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "values/base/bug.h"

namespace slipway::native {
namespace {

using tensor::Tensor;

// A block of rows is what runs between two looks at the clock: about a millisecond, whatever the model's
// size.
constexpr size_t kMostRowsOfBlock = 256;
constexpr size_t kStepsOfBlock = 1 << 16;  // a step: a feature that is copied, a tree that is walked

Status stopped(const backend::RunContext& context, size_t done, size_t rows) {
  if (context.cancelled != nullptr && context.cancelled->load(std::memory_order_relaxed))
    return fail(Code::kUnavailable, "cancelled after {} of {} rows", done, rows);
  if (context.deadline != TimePoint::max() && std::chrono::steady_clock::now() >= context.deadline)
    return fail(Code::kTimeout, "the deadline passed after {} of {} rows; send fewer rows at once", done,
                rows);
  return ok();
}

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
size_t block_of(const Ensemble<T>& ensemble) {
  return std::clamp(kStepsOfBlock / (ensemble.features() + ensemble.trees()), size_t(1), kMostRowsOfBlock);
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
    const size_t block = block_of(file_.ensemble);
    for (size_t i = 0; i < rows; ++i, to += outputs) {
      if (i != 0 && i % block == 0)
        if (Status stop = stopped(context, i, rows); !stop) return stop;
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
