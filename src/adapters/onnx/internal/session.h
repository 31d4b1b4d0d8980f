// A model file checked and loaded into the runtime.
#pragma once

#include <onnxruntime_c_api.h>

#include "adapters/onnx/internal/ort_status.h"
#include "adapters/onnx/ort_library.h"
#include "ports/backend/backend.h"

namespace slipway::onnx {

struct Session {
  const OrtLibrary* library = nullptr;
  Owned<OrtSession> session;
  tensor::Signature signature;
  backend::ModelInfo info;
};

// kInspect does not arrange the weights for speed: those in other files are then mapped, and mostly never
// read.
enum class Purpose { kInspect, kRun };

// Every check that loading makes, then the load itself. Errors name the file.
Result<Session> open_session(const backend::ModelFiles& files, const backend::LoadOptions& options,
                             Purpose purpose);

}  // namespace slipway::onnx
