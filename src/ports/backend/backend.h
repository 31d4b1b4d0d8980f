// The port to what runs a model. A Backend turns files into a Model; a Model answers rows.
//
// Failure: a file that is not what it claims gives kInvalid with the file, and the offset or field; a
// well-formed file that we cannot run gives kUnsupported with what is missing. Loading never takes more than
// 32 MiB + 16 × the size of the files, never executes code from them, and never reads outside `root`.
// Exceptions of drivers stop in the adapter.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "values/base/arena.h"
#include "values/base/result.h"
#include "values/base/time.h"
#include "values/tensor/signature.h"
#include "values/tensor/tensor.h"

namespace slipway::backend {

// Where a model's files lie. `main` is relative to `root`; other files are found by what `main` says.
struct ModelFiles {
  std::string root;
  std::string main;
};

struct LoadOptions {
  int threads = 1;  // inside one run; parallelism comes from running several requests at once
};

struct ModelInfo {
  std::string platform;            // what metadata shows: "xgboost_json", "lightgbm_text", "onnxruntime_onnx"
  std::string framework;           // who wrote the file, as far as it says: "xgboost 3.4.1"; may be empty
  std::vector<std::string> files;  // what was read, relative to root, sorted; the digest is made over these
  int concurrency = 0;             // how many run() calls may be in flight; 0 = any number
  bool rows_are_independent =
      true;  // false: merging rows of different callers into one run changes their bits
  // The fixed first dimension of every input, or 0 when any number of rows is taken.
  int64_t fixed_rows = 0;
};

// One output that is wanted. The model fills `tensor`, in memory of the run's arena.
struct OutputSlot {
  size_t index = 0;  // in signature().outputs
  tensor::Tensor tensor;
};

struct RunContext {
  base::Arena& arena;
  TimePoint deadline = TimePoint::max();
  const std::atomic<bool>* cancelled = nullptr;  // may be null; set to true from any thread
};

// A loaded model. run() is const and thread-safe within info().concurrency.
class Model {
 public:
  virtual ~Model() = default;

  virtual const tensor::Signature& signature() const = 0;
  virtual const ModelInfo& info() const = 0;

  // `inputs` stand in the order of signature().inputs and have passed tensor::check. Only the wanted outputs
  // are made. kInvalid: these values cannot be answered (an index out of range); kTimeout, kUnavailable:
  // stopped by the deadline or the cancel flag, where the runtime can stop; kExhausted: the arena's budget is
  // spent.
  virtual Status run(std::span<const tensor::Tensor> inputs, std::span<OutputSlot> outputs,
                     const RunContext& context) const = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string_view name() const = 0;  // one word: "native", "onnx"

  // The signature and facts of the files with all checks that loading makes, but without keeping the model.
  struct Inspection {
    tensor::Signature signature;
    ModelInfo info;
  };
  virtual Result<Inspection> inspect(const ModelFiles& files) const = 0;

  virtual Result<std::unique_ptr<Model>> load(const ModelFiles& files, const LoadOptions& options) const = 0;
};

}  // namespace slipway::backend
