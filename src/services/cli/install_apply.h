// Objects of an installation put on a cluster and taken away from it, one at a time. One thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "services/cli/install_objects.h"
#include "system/kube/client.h"
#include "system/runtime/clock.h"

namespace slipway::cli {

// The field manager of everything that install writes: a newer version's output takes back what an older one
// said and no longer says, and nothing else.
inline constexpr const char* kInstallManager = "slipway-install";

enum class Change : uint8_t { kCreated, kConfigured, kUnchanged, kDeleted, kKept };
std::string_view name(Change change);

struct Changed {
  std::string kind, ns, name;
  Change change = Change::kUnchanged;
  std::string note;  // what people should know besides; may be empty

  std::string title() const;  // deployment/slipway-gateway
};

// "deployments.apps" and where it stands, from an object's apiVersion, kind, name and namespace. Pure; the
// kinds that install makes.
kube::ObjectRef ref_of(const json::Document& object);

struct ApplyOptions {
  kube::DryRun dry_run = kube::DryRun::kNo;
  kube::PatchKind conflicts = kube::PatchKind::kApply;  // kApplyForced takes what others have set
  // Whoever scales what we install may go on doing so.
  enum class Replicas : uint8_t { kLeftToOthers, kOurs } replicas = Replicas::kLeftToOthers;
};

// Server-side apply. A Conflict names the fields and who has set them.
kube::Reply<Changed> apply_object(kube::Client& client, const json::Document& object,
                                  const ApplyOptions& options);

// What is there of `candidates` and not in `wanted`, and was put there by install: it was asked for once and
// is no longer. The claim of the registry stays: it holds models.
std::vector<json::Document> leftovers(const std::vector<json::Document>& candidates,
                                      const std::vector<json::Document>& wanted);

// Whether install put it there, as its live form says. Pure.
bool is_installed_by_us(const json::Document& live);
// Whether it belongs to an installation in that namespace: its labels say so. Pure.
bool belongs_to(const json::Document& live, const std::string& ns);

// The live object; nothing when there is none, also where the server does not know its kind.
kube::Reply<std::optional<json::Document>> find_live(kube::Client& client, const kube::ObjectRef& ref);
// Deleted, and what depends on it in the background.
kube::Reply<Changed> remove_object(kube::Client& client, const json::Document& live, kube::DryRun dry_run);

// Waits until the API server takes objects of a definition; kTimeout with what it says.
Status await_established(kube::Client& client, const std::string& definition, Duration patience);

}  // namespace slipway::cli
