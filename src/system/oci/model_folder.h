// A model version made into a folder: its files under their own names, as hard links to the layout's blobs.
#pragma once

#include <optional>

#include "system/oci/layout.h"

namespace slipway::oci {

// <into>/<digest's hex>/ with the version's files and manifest.json; made beside it and renamed, so it is
// there whole or not at all (after a crash too), and made once. Every file is read and held against its
// digest first. Where links cannot be made, copies are. Gives the folder's path. kNotFound: no such manifest;
// kInvalid: damaged or no model.
Result<std::string> make_model_folder(const Layout& layout, const StoredManifest& manifest,
                                      const std::string& into);

// The digest of the version that a folder holds, when it was made by make_model_folder(): its files are held
// against its manifest again. Nothing for any other folder. kInvalid names the file that is not what the
// manifest says.
Result<std::optional<Digest>> check_model_folder(const std::string& folder);

}  // namespace slipway::oci
