#include "services/cli/install_formats.h"

namespace slipway::cli {

Result<std::vector<RenderedFile>> render_helm(const InstallOptions&) { return std::vector<RenderedFile>{}; }

}  // namespace slipway::cli
