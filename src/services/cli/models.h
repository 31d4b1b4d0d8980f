// Model files to and from the platform: push, pull, fetch, verify.
#pragma once

#include <optional>

#include "services/cli/command.h"
#include "services/cli/platform.h"
#include "system/oci/manifest.h"
#include "system/oci/names.h"
#include "values/domain/model_version.h"

namespace slipway::cli {

Command push_command();
Command pull_command();

// A file or folder as the files of a version, hashed. Symbolic links and what is no regular file are refused.
struct LocalFiles {
  std::string root;  // the folder that the paths are relative to
  std::vector<oci::ModelFile> files;
  uint64_t bytes = 0;
};
Result<LocalFiles> read_local_files(const std::string& path);

// "credit" or "credit:3": nothing stands for the highest.
struct VersionName {
  std::string model;
  std::optional<int64_t> version;
};
Result<VersionName> parse_version_reference(const std::string& text);

// The version that the platform has under that name. kNotFound says what to do.
Result<domain::ModelVersion> find_version(const Platform& platform, const VersionName& name);

// [REGISTRY/]REPOSITORY@sha256:…
struct Artifact {
  std::string registry, repository;
  Digest digest;

  std::string str() const;
};
Result<Artifact> parse_artifact(const std::string& text);

}  // namespace slipway::cli
