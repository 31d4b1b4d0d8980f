// A revision: what runs, with the settings that it runs with. Its name is made from both, so the same name
// always means the same thing to run; a change of either is a new revision.
#pragma once

#include <cstdint>
#include <string>

#include "values/base/result.h"
#include "values/base/time.h"
#include "values/json/document.h"

namespace slipway::domain {

// What the deployment's spec says of serving. 0: no limit is asked for.
struct ServingSettings {
  int64_t cpu_millis = 0;    // thousandths of a processor, a replica
  int64_t memory_bytes = 0;  // a replica
  Duration timeout{0};       // of a request; 0: the server's own
  int64_t queue = 0;         // requests that may wait; 0: the server's own

  bool operator==(const ServingSettings&) const = default;
};

// All that a replica needs to know. Later, what runs may be an upstream's address instead of a digest.
struct RevisionSpec {
  std::string name;        // <deployment>-<version>-<hash8>
  std::string deployment;  // and the name that it serves under
  std::string model;
  int64_t version = 1;
  std::string digest;    // of the version's manifest
  std::string artifact;  // where its files come from: [REGISTRY/]REPOSITORY@sha256:…
  ServingSettings settings;

  bool operator==(const RevisionSpec&) const = default;
};

// The name that the other members give it.
std::string revision_name(const RevisionSpec& revision);

json::Document to_document(const RevisionSpec& revision);
// kInvalid when a member is missing, or of a wrong type.
Result<RevisionSpec> parse_revision(const json::Document& document);

}  // namespace slipway::domain
