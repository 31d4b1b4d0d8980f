#include "services/registry/registry.h"

#include "services/registry/internal/answers.h"
#include "services/registry/internal/handlers.h"

namespace slipway::registry {
namespace {

using base::Method;
using What = Asked::What;

// As the Allow header has them.
std::string_view methods_of(What what) {
  switch (what) {
    case What::kUploads:
      return "POST";
    case What::kUpload:
      return "GET, HEAD, PATCH, PUT, DELETE";
    case What::kManifest:
      return "GET, HEAD, PUT, DELETE";
    case What::kBase:
    case What::kBlob:  // goes by itself when no manifest needs it
    case What::kTags:
    case What::kReferrers:
      return "GET, HEAD";
  }
  return "";
}

bool takes(What what, Method method) {
  std::string_view rest = methods_of(what);
  for (;;) {
    const size_t comma = std::min(rest.find(", "), rest.size());
    if (rest.substr(0, comma) == base::name(method)) return true;
    if (comma == rest.size()) return false;
    rest.remove_prefix(comma + 2);
  }
}

}  // namespace

void Registry::Handlers::handle(http::Exchange& exchange, const Asked& asked) {
  if (!takes(asked.what, exchange.head().method))
    return respond_error(exchange, {.status = 405,
                                    .code = "UNSUPPORTED",
                                    .message = "this path does not take this method",
                                    .also = {{{"allow", methods_of(asked.what)}, {}}}});
  switch (asked.what) {
    case What::kBase:
      return respond(exchange, 200, {}, "{}");
    case What::kBlob:
      return blob(exchange, asked);
    case What::kUploads:
      return begin(exchange, asked);
    case What::kUpload:
      return upload(exchange, asked);
    case What::kManifest:
      return manifest(exchange, asked);
    case What::kTags:
      return tags(exchange, asked);
    case What::kReferrers:
      return referrers(exchange, asked);
  }
}

void Registry::Handlers::later(http::Exchange& exchange, std::function<void(http::Exchange&)> work) {
  auto task = [kept = exchange.shared_from_this(), work = std::move(work)] { work(*kept); };
  if (!executor_.submit(std::move(task)))
    respond_error(exchange, 503, "UNKNOWN", "too many requests wait for the disk; try again later");
}

void Registry::Handlers::on_loop(http::Exchange& exchange, std::function<void(http::Exchange&)> work) {
  exchange.post([kept = exchange.shared_from_this(), work = std::move(work)] { work(*kept); });
}

Registry::Registry(RegistryOptions options, oci::Layout& layout, runtime::Executor& executor)
    : handlers_(std::make_unique<Handlers>(options, layout, executor)) {}
Registry::~Registry() = default;

std::string_view Registry::permission(Method method) {
  switch (method) {
    case Method::kGet:
    case Method::kHead:
      return "registry.pull";
    case Method::kDelete:
      return "registry.delete";
    default:
      return "registry.push";
  }
}

// From the end, because a repository may be called anything that its names allow: blobs, manifests, uploads
// too.
Result<Asked> Registry::parse(std::string_view path) {
  if (path == "/v2" || path == "/v2/") return Asked{};
  const auto unknown = [&] { return fail(Code::kNotFound, "no such path: {}", path.substr(0, 200)); };
  if (!path.starts_with("/v2/")) return unknown();
  std::string_view rest = path.substr(3);
  const auto take_last = [&] {
    const size_t slash = std::min(rest.rfind('/'), rest.size());
    const std::string_view part = rest.substr(std::min(slash + 1, rest.size()));
    rest = rest.substr(0, slash);
    return part;
  };
  Asked out;
  out.reference = take_last();
  const std::string_view kind = take_last();
  if (kind == "blobs" && out.reference == "uploads") {
    out = {.what = What::kUploads, .repository = "", .reference = ""};
  } else if (kind == "uploads" && rest.ends_with("/blobs")) {
    take_last();
    out.what = out.reference.empty() ? What::kUploads : What::kUpload;
  } else if (kind == "tags" && out.reference == "list") {
    out = {.what = What::kTags, .repository = "", .reference = ""};
  } else if (kind == "blobs" || kind == "manifests" || kind == "referrers") {
    out.what = kind == "blobs" ? What::kBlob : kind == "manifests" ? What::kManifest : What::kReferrers;
    if (out.reference.empty()) return unknown();
  } else {
    return unknown();
  }
  if (rest.empty()) return unknown();
  out.repository = rest.substr(1);
  if (Status name = oci::check_repository(out.repository); !name) return fail(name.error());
  return out;
}

void Registry::handle(http::Exchange& exchange) const {
  const auto asked = parse(exchange.head().path);
  if (!asked) return respond_error(exchange, asked.error(), "NAME_UNKNOWN", "NAME_INVALID");
  handlers_->handle(exchange, *asked);
}

void Registry::refuse(http::Exchange& exchange, int status, std::string_view message) {
  respond_error(exchange, status, status == 401 ? "UNAUTHORIZED" : "DENIED", message);
}

}  // namespace slipway::registry
