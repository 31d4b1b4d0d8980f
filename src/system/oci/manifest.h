// OCI manifests: what a registry has to know of any of them, and the ModelPack manifest that a model version
// is. Sources: OCI image specification 1.1, CNCF ModelPack specification. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "values/base/digest.h"
#include "values/base/result.h"

namespace slipway::oci {

inline constexpr size_t kManifestBytes = 4 << 20;
inline constexpr std::string_view kManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kIndexType = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kModelType = "application/vnd.cncf.model.manifest.v1+json";
inline constexpr std::string_view kModelConfigType = "application/vnd.cncf.model.config.v1+json";

using Annotations = std::map<std::string, std::string>;

struct Descriptor {
  std::string media_type;
  Digest digest;
  uint64_t size = 0;
  Annotations annotations;
  std::string artifact_type;

  bool operator==(const Descriptor&) const = default;
};

// Any manifest or index.
struct Manifest {
  std::string media_type, artifact_type;
  std::vector<Descriptor> blobs;      // config and layers
  std::vector<Descriptor> manifests;  // of an index
  std::optional<Descriptor> subject;
  Annotations annotations;
};

// As RFC 6838 has it: type/subtype, at most 255 characters, nothing that could end a header's line.
Status check_media_type(std::string_view type);

// kInvalid: no manifest (wrong types, digests, sizes; more than 10,000 descriptors; image and index at once,
// which two readers would read differently); kTooLarge. `content_type` is what it was sent as, and must not
// contradict the manifest; empty: the manifest's own word is taken.
Result<Manifest> parse_manifest(std::string_view text, std::string_view content_type);

// One file of a model version.
enum class Role : uint8_t { kWeights, kConfig, kCode, kDocument };
struct ModelFile {
  std::string path;  // relative, '/' between; see check_model_path
  uint64_t size = 0;
  Digest digest;
  Role role = Role::kWeights;

  bool operator==(const ModelFile&) const = default;
};

// kInvalid: absolute, "..", empty parts, backslashes, control characters, more than 512 bytes or 16 parts.
Status check_model_path(std::string_view path);
// By its name: README.md is a document, *.py code, *.json beside others configuration.
Role role_of(std::string_view path);

// The manifest of these files, always the same bytes for the same files: no time stands in it. `config` is a
// blob that must be stored too.
struct ModelManifest {
  std::string manifest, config;
};
ModelManifest make_model_manifest(std::vector<ModelFile> files, std::string_view format);

// The files of a model's manifest. kInvalid: not one, or with paths that lead elsewhere, stand twice (also
// when they differ in case alone) or lie below one another; kUnsupported: tar layers.
Result<std::vector<ModelFile>> parse_model_manifest(std::string_view text);

}  // namespace slipway::oci
