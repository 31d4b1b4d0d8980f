// The backend for tree models: XGBoost JSON and UBJSON, LightGBM text. Recognises which by the file's first
// bytes.
#pragma once

#include "ports/backend/backend.h"

namespace slipway::native {

class NativeBackend final : public backend::Backend {
 public:
  std::string_view name() const override { return "native"; }
  Result<Inspection> inspect(const backend::ModelFiles& files) const override;
  Result<std::unique_ptr<backend::Model>> load(const backend::ModelFiles& files,
                                               const backend::LoadOptions& options) const override;
};

}  // namespace slipway::native
