// The verbs of the Kubernetes API over one connection. Objects come and go as JSON text. An ApiError says
// whether and when another try may help; only what a busy server asked to be asked again is, where the
// options say so.
//
//   Client client(access);
//   auto object = client.get({{"apps", "v1", "deployments"}, "default", "web"});
//   if (!object) return fail(object.error().error);
//
// A 410 in the middle of a list starts the list over. Threads: interrupt() from any; everything else from one
// at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "system/kube/api_error.h"
#include "system/kube/internal/pause.h"
#include "system/kube/kubeconfig.h"
#include "system/kube/metrics.h"
#include "system/kube/object.h"
#include "system/kube/resource.h"

namespace slipway::http {
struct Request;
}

namespace slipway::kube {

namespace internal {
class Connection;
}

struct ClientOptions {
  int timeout_ms = 30'000;                                 // for connecting, and for each wait for bytes
  size_t body_limit = 256 << 20;                           // of one answer
  ManagedFields managed_fields = ManagedFields::kDropped;  // of objects that are given
  std::function<void(std::string_view)> on_warning;  // what the server's Warning headers say; may be empty
  // How often a request is made while the server answers 429 or 503 with a Retry-After of at most
  // `busy_wait`: then it has done nothing.
  int busy_tries = 1;
  Duration busy_wait = std::chrono::seconds(10);
  std::function<void(Duration)> pause;  // waits that long, or until interrupt(); for tests that must not wait
  ApiMetrics* metrics = nullptr;        // may be null; outlives the client
};

struct ListQuery {
  Resource resource;
  std::string ns;  // empty: all
  std::string label_selector, field_selector;
  int page = 500;  // objects an answer; 0: all in one
  std::string at;  // the list as it was at this resourceVersion; empty: as it is now
};

enum class DryRun { kNo, kServer };
enum class FieldValidation { kStrict, kWarn, kIgnore };  // what happens to unknown and doubled fields

struct WriteOptions {
  DryRun dry_run = DryRun::kNo;
  FieldValidation field_validation = FieldValidation::kStrict;
  std::string field_manager = "slipway";
  Subresource subresource = Subresource::kNone;  // not of create()
};

// kApply is server-side apply; kApplyForced takes fields that others own.
enum class PatchKind { kMerge, kJson, kApply, kApplyForced };
struct Patch {
  PatchKind kind = PatchKind::kMerge;
  std::string_view json;
};

enum class Propagation { kBackground, kForeground, kOrphan };
struct DeleteOptions {
  std::string uid, resource_version;  // refused (Conflict) when the object has others; empty: any
  Propagation propagation = Propagation::kBackground;
  DryRun dry_run = DryRun::kNo;
};

class Client {
 public:
  explicit Client(const Access& access, ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Reply<Object> get(const ObjectRef& ref, Subresource subresource = Subresource::kNone);
  Reply<ObjectList> list(const ListQuery& query);  // all pages; `next` is empty
  // The page that `next` of the one before names; the first when it is empty.
  Reply<ObjectList> list_page(const ListQuery& query, std::string_view next);

  // The object's name stands in its JSON (or is made by the server: generateName).
  Reply<Object> create(const Resource& resource, std::string_view ns, std::string_view json,
                       const WriteOptions& options = {});
  // Replaces all of it. With a metadata.resourceVersion in the JSON: Conflict when the object has another.
  Reply<Object> update(const ObjectRef& ref, std::string_view json, const WriteOptions& options = {});
  Reply<Object> patch(const ObjectRef& ref, const Patch& patch, const WriteOptions& options = {});
  // Gives the object when it goes later (finalizers), else a Status.
  Reply<Object> remove(const ObjectRef& ref, const DeleteOptions& options = {});

  // Whatever else the API has at this path: versions, discovery, OpenAPI, logs.
  Reply<std::string> get_text(std::string_view target);
  // The same in pieces as they come, for answers that go on: logs that are followed. Gives up when `each`
  // says false.
  Reply<void> read_text(std::string_view target, const std::function<bool(std::string_view)>& each);

  void interrupt();  // ends what waits now and all that comes later with kUnavailable

 private:
  struct Call;
  static http::Request request_of(const Call& call);
  Reply<std::string> ask(const Call& call);
  Reply<http::Response> ask_patiently(const Call& call);
  Reply<Object> ask_object(const Call& call);

  const ClientOptions options_;
  std::unique_ptr<internal::Connection> connection_;
  internal::Pause pause_;
};

}  // namespace slipway::kube
