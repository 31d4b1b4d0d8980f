// A version's files as a folder of the data folder: what replicas are started on.
#pragma once

#include <string>

#include "system/oci/layout.h"

namespace slipway::app {

// <models>/files/<digest>. A folder that was made before is held against its digests again. What was changed
// since is made anew, unless the store's own file is damaged too: the folder's files are links to it.
// kInvalid: damaged; kNotFound: a file is missing in the store.
Result<std::string> model_files(const oci::Layout& layout, const std::string& models,
                                const oci::StoredManifest& manifest);

}  // namespace slipway::app
