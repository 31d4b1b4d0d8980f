// Any text as a manifest: what is taken has media types that end no header's line, and a model's files lie
// below their folder, each once; written again, they read as the same.
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>

#include "system/oci/manifest.h"

using namespace slipway;

namespace {

void check(const oci::Descriptor& descriptor) {
  if (!oci::check_media_type(descriptor.media_type)) std::abort();
}

void check_paths(const std::vector<oci::ModelFile>& files) {
  std::set<std::string> paths;
  for (const oci::ModelFile& file : files) {
    const std::string path = "/" + file.path + "/";
    const bool leads_out = path.find("//") != std::string::npos || path.find("/../") != std::string::npos;
    if (leads_out || path.find('\0') != std::string::npos || !paths.insert(file.path).second) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto manifest = oci::parse_manifest(text, "");
  if (!manifest) return 0;
  if (!oci::check_media_type(manifest->media_type)) std::abort();
  for (const oci::Descriptor& each : manifest->blobs) check(each);
  for (const oci::Descriptor& each : manifest->manifests) check(each);
  const auto files = oci::parse_model_manifest(text);
  if (!files) return 0;
  check_paths(*files);
  const auto again = oci::parse_model_manifest(oci::make_model_manifest(*files, "onnx").manifest);
  if (!again || again->size() != files->size()) std::abort();
  return 0;
}
