#include "apps/slipway/model_files.h"

#include <filesystem>

#include "system/oci/model_folder.h"

namespace slipway::app {

Result<std::string> model_files(const oci::Layout& layout, const std::string& models,
                                const oci::StoredManifest& manifest) {
  auto folder = oci::make_model_folder(layout, manifest, models + "/files");
  if (!folder) return folder;
  const auto held = oci::check_model_folder(*folder);
  if (held && *held == manifest.descriptor.digest) return folder;
  std::error_code failed;
  std::filesystem::remove_all(*folder, failed);
  if (failed) return fail(Code::kDenied, "{}: {}; remove it and fetch again", *folder, failed.message());
  return oci::make_model_folder(layout, manifest, models + "/files");
}

}  // namespace slipway::app
