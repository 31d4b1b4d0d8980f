// What every backend holds, whatever it runs. An adapter's test calls it with a model of its own:
//
//   TEST(NativeBackend, HoldsTheContract) { expect_backend_contract(NativeBackend(), {folder, "model.json"});
//   }
#pragma once

#include "ports/backend/backend.h"

namespace slipway::backend::testing {

// `files` name a good model whose inputs are numeric.
void expect_backend_contract(const Backend& backend, const ModelFiles& files);

}  // namespace slipway::backend::testing
