#include "system/kube/client.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "system/kube/internal/connection.h"
#include "system/kube/internal/warnings.h"
#include "values/json/writer.h"

namespace slipway::kube {
namespace {

using base::Method;

constexpr int kTooManyRequests = 429, kServiceUnavailable = 503;

std::string_view name(DryRun dry_run) { return dry_run == DryRun::kServer ? "All" : ""; }

std::string_view name(FieldValidation validation) {
  switch (validation) {
    case FieldValidation::kStrict:
      return "Strict";
    case FieldValidation::kWarn:
      return "Warn";
    case FieldValidation::kIgnore:
      return "Ignore";
  }
  return "Strict";
}

std::string_view name(Propagation propagation) {
  switch (propagation) {
    case Propagation::kBackground:
      return "Background";
    case Propagation::kForeground:
      return "Foreground";
    case Propagation::kOrphan:
      return "Orphan";
  }
  return "Background";
}

std::string_view content_type(PatchKind kind) {
  switch (kind) {
    case PatchKind::kMerge:
      return "application/merge-patch+json";
    case PatchKind::kJson:
      return "application/json-patch+json";
    case PatchKind::kApply:
    case PatchKind::kApplyForced:
      return "application/apply-patch+yaml";
  }
  return "application/merge-patch+json";
}

Query query_of(const WriteOptions& options) {
  return Query()
      .add("dryRun", name(options.dry_run))
      .add("fieldValidation", name(options.field_validation))
      .add("fieldManager", options.field_manager);
}

std::string body_of(const DeleteOptions& options) {
  std::string out;
  json::Writer(out).object([&](json::Writer& w) {
    w.key("apiVersion").value("v1").key("kind").value("DeleteOptions");
    w.key("propagationPolicy").value(name(options.propagation));
    if (options.dry_run == DryRun::kServer) w.key("dryRun").raw(R"(["All"])");
    if (options.uid.empty() && options.resource_version.empty()) return;
    w.key("preconditions").begin_object();
    if (!options.uid.empty()) w.key("uid").value(options.uid);
    if (!options.resource_version.empty()) w.key("resourceVersion").value(options.resource_version);
    w.end_object();
  });
  return out;
}

}  // namespace

struct Client::Call {
  Verb verb = Verb::kGet;
  Method method = Method::kGet;
  Result<std::string> path;
  std::string query;
  std::string_view content_type = "application/json";
  std::string_view body;
};

http::Request Client::request_of(const Call& call) {
  http::Request request{
      .method = call.method, .target = *call.path + call.query, .headers = {}, .body = call.body};
  if (!call.body.empty()) request.headers.emplace_back("content-type", call.content_type);
  return request;
}

Client::Client(const Access& access, ClientOptions options)
    : options_(std::move(options)),
      connection_(std::make_unique<internal::Connection>(
          access, http::ClientOptions{.timeout_ms = options_.timeout_ms, .body_limit = options_.body_limit},
          options_.metrics)) {}

Client::~Client() = default;

void Client::interrupt() {
  pause_.stop();
  connection_->interrupt();
}

// A server that is too busy says so before it does anything.
Reply<http::Response> Client::ask_patiently(const Call& call) {
  const http::Request request = request_of(call);
  for (int tries = 1;; ++tries) {
    auto response = connection_->ask(call.verb, request);
    if (response || tries >= options_.busy_tries || pause_.stopped()) return response;
    const ApiError& error = response.error();
    const bool busy = error.status == kTooManyRequests || error.status == kServiceUnavailable;
    if (!busy || !error.retry_after || *error.retry_after > options_.busy_wait) return response;
    if (options_.metrics != nullptr) options_.metrics->retried(call.verb);
    options_.pause ? options_.pause(*error.retry_after) : pause_.wait(*error.retry_after);
  }
}

Reply<std::string> Client::ask(const Call& call) {
  if (!call.path) return refuse(call.path.error());
  auto response = ask_patiently(call);
  if (!response) return refuse(response.error());
  if (options_.on_warning)
    for (const auto& [header, value] : response->headers)
      if (header == "warning")
        for (const std::string& warning : internal::read_warnings(value)) options_.on_warning(warning);
  return std::move(response->body);
}

Reply<Object> Client::ask_object(const Call& call) {
  const auto body = ask(call);
  if (!body) return refuse(body.error());
  auto object = read_object(*body, options_.managed_fields);
  if (!object) return refuse(object.error());
  return std::move(*object);
}

Reply<Object> Client::get(const ObjectRef& ref, Subresource subresource) {
  return ask_object({.path = object_path(ref, subresource), .query = ""});
}

Reply<std::string> Client::get_text(std::string_view target) {
  return ask({.verb = Verb::kRead, .path = std::string(target), .query = ""});
}

Reply<void> Client::read_text(std::string_view target, const std::function<bool(std::string_view)>& each) {
  const auto begun = connection_->begin(Verb::kRead, {.target = std::string(target)});
  if (!begun) return refuse(begun.error());
  std::array<char, 16 << 10> piece{};
  while (true) {
    const auto got = connection_->read(piece);
    if (!got) return refuse(got.error());
    if (*got == 0 || !each({piece.data(), *got})) return {};
  }
}

Reply<ObjectList> Client::list_page(const ListQuery& query, std::string_view next) {
  Query asked;
  asked.add("labelSelector", query.label_selector).add("fieldSelector", query.field_selector);
  asked.add("limit", query.page > 0 ? std::to_string(query.page) : "").add("continue", next);
  // A page that goes on is at the version of the first by itself.
  if (next.empty() && !query.at.empty())
    asked.add("resourceVersion", query.at).add("resourceVersionMatch", "Exact");
  const auto body =
      ask({.verb = Verb::kList, .path = collection_path(query.resource, query.ns), .query = asked.str()});
  if (!body) return refuse(body.error());
  auto list = read_object_list(*body, options_.managed_fields);
  if (!list) return refuse(list.error());
  return std::move(*list);
}

Reply<ObjectList> Client::list(const ListQuery& query) {
  ListQuery asked = query;
  ObjectList all;
  while (true) {
    auto page = list_page(asked, all.next);
    if (!page && page.error().expired() && !all.next.empty()) {
      // Pages would break off again where the list changes faster than they come; one answer cannot.
      all = {};
      asked.page = 0;
      continue;
    }
    if (!page) return page;
    std::ranges::move(page->items, std::back_inserter(all.items));
    all.resource_version = std::move(page->resource_version);
    all.next = std::move(page->next);
    all.remaining = page->remaining;
    if (all.next.empty()) return all;
  }
}

Reply<Object> Client::create(const Resource& resource, std::string_view ns, std::string_view json,
                             const WriteOptions& options) {
  if (resource.scope == Scope::kNamespaced && ns.empty())
    return refuse(Error{Code::kInvalid, fmt::format("{} need a namespace", resource.str())});
  return ask_object({.verb = Verb::kCreate,
                     .method = Method::kPost,
                     .path = collection_path(resource, ns),
                     .query = query_of(options).str(),
                     .body = json});
}

Reply<Object> Client::update(const ObjectRef& ref, std::string_view json, const WriteOptions& options) {
  return ask_object({.verb = Verb::kUpdate,
                     .method = Method::kPut,
                     .path = object_path(ref, options.subresource),
                     .query = query_of(options).str(),
                     .body = json});
}

Reply<Object> Client::patch(const ObjectRef& ref, const Patch& patch, const WriteOptions& options) {
  Query query = query_of(options);
  if (patch.kind == PatchKind::kApplyForced) query.add("force", "true");
  return ask_object({.verb = Verb::kPatch,
                     .method = Method::kPatch,
                     .path = object_path(ref, options.subresource),
                     .query = query.str(),
                     .content_type = content_type(patch.kind),
                     .body = patch.json});
}

Reply<Object> Client::remove(const ObjectRef& ref, const DeleteOptions& options) {
  const std::string body = body_of(options);
  return ask_object({.verb = Verb::kDelete,
                     .method = Method::kDelete,
                     .path = object_path(ref),
                     .query = "",
                     .body = body});
}

}  // namespace slipway::kube
