// As kubeconfig files hold certificates.
#pragma once

#include "values/base/base64.h"

namespace slipway::kube::internal {

using base::base64_decode;
using base::base64_encode;

}  // namespace slipway::kube::internal
