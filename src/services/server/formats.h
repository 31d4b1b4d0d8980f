// Which backend a path is for, decided by what the files hold, never by their names.
//
// Served: XGBoost JSON and UBJSON, LightGBM text ("native"), ONNX ("onnx"). What is known but not served is
// refused with kUnsupported: what it is, why not, and the way out. What is not known is kInvalid. Nothing is
// ever unpickled, unpacked or run. Whether a file of the right form is also sound is for the backend to say.
//
// Any thread. Reads each file through a read-only mapping.
#pragma once

#include <string>

#include "ports/backend/backend.h"
#include "values/base/result.h"

namespace slipway::server {

struct Recognised {
  std::string backend;  // Backend::name(): "native" or "onnx"
  std::string format;   // for people: "XGBoost UBJSON"
  backend::ModelFiles files;
};

// `path` names a model file, or a folder that holds exactly one; other files beside it do no harm. Several in
// one folder: kInvalid, with their names and how to choose.
Result<Recognised> recognise(const std::string& path);

}  // namespace slipway::server
