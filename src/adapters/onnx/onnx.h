// The backend "onnx": ONNX models through ONNX Runtime.
//
// load() checks the file and its external data before the runtime sees them, then loads by path. What it
// serves: tensors of every Open Inference datatype; what it refuses with kUnsupported: sequences, maps (the
// message says how to export without ZipMap), optional and sparse values, other element types, tensors
// without a known rank. run() takes numeric inputs in place, copies outputs into the run's arena, may be
// called from any number of threads, and stops between two operators, within 10 ms, when the deadline has
// passed or the cancel flag is set.
#pragma once

#include <memory>

#include "ports/backend/backend.h"

namespace slipway::onnx {

class Watch;

// Opens nothing until the first inspect() or load(). Models may outlive it.
class OnnxBackend final : public backend::Backend {
 public:
  OnnxBackend();

  std::string_view name() const override { return "onnx"; }
  Result<Inspection> inspect(const backend::ModelFiles& files) const override;
  Result<std::unique_ptr<backend::Model>> load(const backend::ModelFiles& files,
                                               const backend::LoadOptions& options) const override;

 private:
  std::shared_ptr<Watch> watch_;
};

}  // namespace slipway::onnx
