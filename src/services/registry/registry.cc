#include "services/registry/registry.h"

#include <algorithm>

#include "services/registry/internal/answers.h"
#include "services/registry/internal/blob_stream.h"
#include "services/registry/internal/upload_body.h"
#include "values/json/writer.h"

namespace slipway::registry {
namespace {

using base::Header;
using base::Method;

constexpr Header kVersion{"docker-distribution-api-version", "registry/2.0"};
constexpr size_t kTagsLimit = 10'000;

void respond(http::Exchange& exchange, int status, std::initializer_list<Header> headers,
             std::string_view body = "", std::string_view type = "application/json") {
  std::vector<Header> all{kVersion};
  all.insert(all.end(), headers.begin(), headers.end());
  exchange.respond(
      {.status = status, .content_type = body.empty() ? "" : type, .headers = all, .body = body});
}

std::string location(const std::string& repository, std::string_view rest) {
  return fmt::format("/v2/{}/{}", repository, rest);
}

}  // namespace

class Registry::Handlers {
 public:
  Handlers(RegistryOptions options, oci::Layout& layout, runtime::Executor& executor)
      : options_(options), layout_(layout), executor_(executor) {}

  void handle(http::Exchange& exchange, const Asked& asked) {
    const Method method = exchange.head().method;
    const bool reads = method == Method::kGet || method == Method::kHead;
    switch (asked.what) {
      case Asked::What::kBase:
        return reads ? respond(exchange, 200, {}, "{}") : wrong_method(exchange);
      case Asked::What::kBlob:
        return reads                       ? blob(exchange, asked)
               : method == Method::kDelete ? no_blob_deletion(exchange)
                                           : wrong_method(exchange);
      case Asked::What::kUploads:
        return method == Method::kPost ? begin(exchange, asked) : wrong_method(exchange);
      case Asked::What::kUpload:
        return upload(exchange, asked, method);
      case Asked::What::kManifest:
        return manifest(exchange, asked, method);
      case Asked::What::kTags:
        return reads ? tags(exchange, asked) : wrong_method(exchange);
      case Asked::What::kReferrers:
        return reads ? referrers(exchange, asked) : wrong_method(exchange);
    }
  }

 private:
  static void wrong_method(http::Exchange& exchange) {
    respond_error(exchange, 405, "UNSUPPORTED", "the path does not take this method");
  }
  static void no_blob_deletion(http::Exchange& exchange) {
    respond_error(exchange, 405, "UNSUPPORTED",
                  "files go by themselves when no manifest needs them; delete the manifest");
  }

  // Runs where the disk may be waited for.
  void later(http::Exchange& exchange, std::function<void(http::Exchange&)> work) {
    auto task = [kept = exchange.shared_from_this(), work = std::move(work)] { work(*kept); };
    if (!executor_.submit(std::move(task)))
      respond_error(exchange, 503, "UNKNOWN", "too many requests wait for the disk; try again later");
  }

  void blob(http::Exchange& exchange, const Asked& asked) {
    const auto digest = Digest::parse(asked.reference);
    if (!digest) return respond_error(exchange, 400, "DIGEST_INVALID", digest.error().message);
    if (const auto found = layout_.find_blob(*digest); !found)
      return respond_error(exchange, found.error(), "BLOB_UNKNOWN", "DIGEST_INVALID");
    auto file = layout_.open_blob(*digest);
    if (!file) return respond_error(exchange, file.error(), "BLOB_UNKNOWN", "DIGEST_INVALID");
    const std::string name = digest->str();
    std::vector<Header> headers{kVersion, {"docker-content-digest", name}, {"accept-ranges", "bytes"}};
    if (exchange.head().method == Method::kHead)
      return exchange.respond({.status = 200,
                               .content_type = "application/octet-stream",
                               .headers = headers,
                               .body = "",
                               .length = file->size});
    const auto range = parse_range(exchange.head().find("range"), file->size);
    const std::string unsatisfied = fmt::format("bytes */{}", file->size);
    if (!range) return respond(exchange, 416, {{"content-range", unsatisfied}});
    if (file->size == 0) return respond(exchange, 200, {{"docker-content-digest", name}});
    const Range part = range->value_or(Range{.first = 0, .last = file->size - 1});
    const std::string content_range = fmt::format("bytes {}-{}/{}", part.first, part.last, file->size);
    if (*range) headers.push_back({"content-range", content_range});
    exchange.start({.status = *range ? 206 : 200,
                    .content_type = "application/octet-stream",
                    .headers = headers,
                    .body = "",
                    .length = part.last - part.first + 1});
    std::make_shared<BlobStream>(std::move(*file), part)->send(exchange);
  }

  void begin(http::Exchange& exchange, const Asked& asked) {
    const std::string_view query = exchange.head().query;
    if (const std::string mount = query_value(query, "mount"); !mount.empty()) {
      const auto digest = Digest::parse(mount);
      if (digest && layout_.find_blob(*digest)) return created(exchange, asked.repository, *digest);
    }
    const std::string digest = query_value(query, "digest");
    if (const auto parsed = Digest::parse(digest); !digest.empty() && !parsed)
      return respond_error(exchange, 400, "DIGEST_INVALID", parsed.error().message);
    const auto id = layout_.begin_upload();
    if (!id) return respond_error(exchange, id.error(), "BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID");
    if (digest.empty()) return accepted(exchange, 202, asked.repository, *id, 0);
    take_body({.exchange = exchange,
               .repository = asked.repository,
               .id = *id,
               .digest = digest,
               .owner = owner_of(*id)});
  }

  // Of an upload whose id nobody is told: what does not become a blob goes with the request.
  std::shared_ptr<void> owner_of(const std::string& id) {
    return {nullptr, [this, id](void*) { static_cast<void>(layout_.cancel_upload(id)); }};
  }

  void upload(http::Exchange& exchange, const Asked& asked, Method method) {
    if (method == Method::kDelete) {
      const Status cancelled = layout_.cancel_upload(asked.reference);
      if (!cancelled)
        return respond_error(exchange, cancelled.error(), "BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID");
      return respond(exchange, 204, {});
    }
    if (method != Method::kGet && method != Method::kPatch && method != Method::kPut)
      return wrong_method(exchange);
    // A broken-off upload is hashed again first: that takes its time.
    later(exchange, [this, asked, method](http::Exchange& kept) {
      const auto size = layout_.upload_size(asked.reference);
      if (!size) return respond_error(kept, size.error(), "BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID");
      if (method == Method::kGet) return accepted(kept, 204, asked.repository, asked.reference, *size);
      kept.post([this, asked, method, size = *size, exchange = kept.shared_from_this()] {
        take_chunk(*exchange, asked, method, size);
      });
    });
  }

  void take_chunk(http::Exchange& exchange, const Asked& asked, Method method, uint64_t size) {
    const std::string_view header = exchange.head().find("content-range");
    const auto range = parse_content_range(header);
    if (!header.empty() && (!range || range->first != size)) {
      const std::string have = range_text(size),
                        where = location(asked.repository, "blobs/uploads/" + asked.reference);
      return respond(exchange, 416, {{"range", have}, {"location", where}});
    }
    const std::string digest = query_value(exchange.head().query, "digest");
    if (method == Method::kPut && digest.empty())
      return respond_error(exchange, 400, "DIGEST_INVALID", "?digest=sha256:… is missing");
    take_body({.exchange = exchange,
               .repository = asked.repository,
               .id = asked.reference,
               .offset = size,
               .digest = method == Method::kPut ? digest : ""});
  }

  struct Body {
    http::Exchange& exchange;
    std::string repository, id;
    uint64_t offset = 0;
    std::string digest;           // ends the upload; empty: more is to come
    std::shared_ptr<void> owner;  // held until the upload has ended, or the request
  };

  void take_body(const Body& body) {
    std::optional<Digest> digest;
    if (!body.digest.empty()) {
      const auto parsed = Digest::parse(body.digest);
      if (!parsed) return respond_error(body.exchange, 400, "DIGEST_INVALID", parsed.error().message);
      digest = *parsed;
    }
    const auto done = [this, repository = body.repository, id = body.id, digest, owner = body.owner](
                          http::Exchange& kept, Result<uint64_t> size) {
      if (!size) return respond_error(kept, size.error(), "BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID");
      if (!digest) return accepted(kept, 202, repository, id, *size);
      later(kept, [this, repository, id, digest, owner](http::Exchange& again) {
        const Status finished = layout_.finish_upload(id, *digest);
        if (!finished) return respond_error(again, finished.error(), "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID");
        created(again, repository, *digest);
      });
    };
    std::make_shared<UploadBody>(layout_, executor_, options_.piece_bytes, body.id)
        ->run(body.exchange, body.offset, done);
  }

  static std::string range_text(uint64_t size) { return fmt::format("0-{}", size == 0 ? 0 : size - 1); }

  static void accepted(http::Exchange& exchange, int status, const std::string& repository,
                       const std::string& id, uint64_t size) {
    const std::string where = location(repository, "blobs/uploads/" + id), range = range_text(size);
    respond(exchange, status, {{"location", where}, {"range", range}, {"docker-upload-uuid", id}});
  }

  static void created(http::Exchange& exchange, const std::string& repository, const Digest& digest) {
    const std::string name = digest.str(), where = location(repository, "blobs/" + name);
    respond(exchange, 201, {{"location", where}, {"docker-content-digest", name}});
  }

  void manifest(http::Exchange& exchange, const Asked& asked, Method method) {
    const auto reference = oci::Reference::parse(asked.reference);
    if (!reference) return respond_error(exchange, 400, "MANIFEST_INVALID", reference.error().message);
    if (method == Method::kGet || method == Method::kHead) return get_manifest(exchange, asked, *reference);
    if (method == Method::kPut) return put_manifest(exchange, asked, *reference);
    if (method != Method::kDelete) return wrong_method(exchange);
    later(exchange, [this, asked, reference = *reference](http::Exchange& kept) {
      const Status removed = layout_.remove_manifest(asked.repository, reference);
      if (!removed) return respond_error(kept, removed.error(), "MANIFEST_UNKNOWN", "MANIFEST_INVALID");
      respond(kept, 202, {});
    });
  }

  void get_manifest(http::Exchange& exchange, const Asked& asked, const oci::Reference& reference) {
    const auto found = layout_.manifest(asked.repository, reference);
    if (!found)
      return respond_error(exchange, found.error(),
                           layout_.has_repository(asked.repository) ? "MANIFEST_UNKNOWN" : "NAME_UNKNOWN",
                           "MANIFEST_INVALID");
    const std::string digest = found->descriptor.digest.str();
    respond(exchange, 200, {{"docker-content-digest", digest}}, found->text, found->descriptor.media_type);
  }

  void put_manifest(http::Exchange& exchange, const Asked& asked, const oci::Reference& reference) {
    exchange.read_all(
        oci::kManifestBytes, [this, asked, reference](http::Exchange& taken, Result<std::string_view> body) {
          if (!body) return respond_error(taken, body.error(), "MANIFEST_UNKNOWN", "MANIFEST_INVALID");
          later(taken, [this, asked, reference, text = *body](http::Exchange& kept) {
            const auto stored =
                layout_.put_manifest(asked.repository, reference, text, kept.head().find("content-type"));
            if (!stored && stored.error().code == Code::kNotFound)
              return respond_error(kept, 404, "MANIFEST_BLOB_UNKNOWN", stored.error().message);
            if (!stored)
              return respond_error(kept, stored.error(), "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID");
            const std::string digest = stored->digest.str(),
                              where = location(asked.repository, "manifests/" + digest);
            const auto manifest = oci::parse_manifest(text, "");
            const std::string subject = manifest && manifest->subject ? manifest->subject->digest.str() : "";
            if (subject.empty())
              return respond(kept, 201, {{"location", where}, {"docker-content-digest", digest}});
            respond(kept, 201,
                    {{"location", where}, {"docker-content-digest", digest}, {"oci-subject", subject}});
          });
        });
  }

  void tags(http::Exchange& exchange, const Asked& asked) {
    if (!layout_.has_repository(asked.repository))
      return respond_error(exchange, 404, "NAME_UNKNOWN",
                           fmt::format("there is no repository {}", asked.repository));
    std::vector<std::string> all = layout_.tags(asked.repository);
    const std::string_view query = exchange.head().query;
    const std::string last = query_value(query, "last"), count = query_value(query, "n");
    all.erase(all.begin(), std::upper_bound(all.begin(), all.end(), last));
    const size_t limit =
        count.empty()
            ? kTagsLimit
            : std::min<size_t>(static_cast<size_t>(std::max(0, std::atoi(count.c_str()))), kTagsLimit);
    const bool more = all.size() > limit;
    if (more) all.resize(limit);
    std::string body;
    json::Writer(body).object([&](json::Writer& out) {
      out.key("name").value(asked.repository).key("tags").begin_array();
      for (const std::string& tag : all) out.value(tag);
      out.end_array();
    });
    const std::string link = more && !all.empty()
                                 ? fmt::format("</v2/{}/tags/list?n={}&last={}>; rel=\"next\"",
                                               asked.repository, limit, all.back())
                                 : "";
    if (link.empty()) return respond(exchange, 200, {}, body);
    respond(exchange, 200, {{"link", link}}, body);
  }

  void referrers(http::Exchange& exchange, const Asked& asked) {
    const auto subject = Digest::parse(asked.reference);
    if (!subject) return respond_error(exchange, 400, "DIGEST_INVALID", subject.error().message);
    const std::string wanted = query_value(exchange.head().query, "artifactType");
    std::string body;
    json::Writer(body).object([&](json::Writer& out) {
      out.key("schemaVersion")
          .value(2)
          .key("mediaType")
          .value(oci::kIndexType)
          .key("manifests")
          .begin_array();
      for (const oci::Descriptor& each : layout_.referrers(asked.repository, *subject)) {
        if (!wanted.empty() && each.artifact_type != wanted) continue;
        out.object([&](json::Writer& line) {
          line.key("mediaType")
              .value(each.media_type)
              .key("digest")
              .value(each.digest.str())
              .key("size")
              .value(each.size);
          line.key("artifactType").value(each.artifact_type);
          line.key("annotations").object([&](json::Writer& notes) {
            for (const auto& [key, value] : each.annotations) notes.key(key).value(value);
          });
        });
      }
      out.end_array();
    });
    if (wanted.empty()) return respond(exchange, 200, {}, body, oci::kIndexType);
    respond(exchange, 200, {{"oci-filters-applied", "artifactType"}}, body, oci::kIndexType);
  }

  const RegistryOptions options_;
  oci::Layout& layout_;
  runtime::Executor& executor_;
};

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

Result<Asked> Registry::parse(std::string_view path) {
  Asked out;
  if (path == "/v2" || path == "/v2/") return out;
  const auto unknown = [&] { return fail(Code::kNotFound, "no such path: {}", path.substr(0, 200)); };
  std::string_view rest = path.substr(4);
  const auto take = [&](std::string_view marker, Asked::What what) {
    const size_t at = rest.rfind(marker);
    if (at == std::string_view::npos || at == 0) return false;
    out.what = what;
    out.repository = rest.substr(0, at);
    out.reference = rest.substr(at + marker.size());
    return true;
  };
  // The last marker counts: a repository may be called blobs.
  if (rest.ends_with("/tags/list")) {
    out.what = Asked::What::kTags;
    out.repository = rest.substr(0, rest.size() - 10);
  } else if (rest.ends_with("/blobs/uploads") || rest.ends_with("/blobs/uploads/")) {
    out.what = Asked::What::kUploads;
    out.repository = rest.substr(0, rest.rfind("/blobs/uploads"));
  } else if (!take("/blobs/uploads/", Asked::What::kUpload) && !take("/blobs/", Asked::What::kBlob) &&
             !take("/manifests/", Asked::What::kManifest) && !take("/referrers/", Asked::What::kReferrers)) {
    return unknown();
  }
  if (out.reference.find('/') != std::string::npos) return unknown();
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
