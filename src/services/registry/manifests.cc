#include <algorithm>
#include <charconv>

#include "services/registry/internal/answers.h"
#include "services/registry/internal/handlers.h"
#include "values/json/writer.h"

namespace slipway::registry {
namespace {

using base::Header;
using base::Method;

constexpr size_t kTagsLimit = 10'000;

// ?n=…: how many tags at most. Nothing when it is no number.
std::optional<size_t> page_size(const std::string& text) {
  if (text.empty()) return kTagsLimit;
  size_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return std::min(out, kTagsLimit);
}

void write_referrer(const oci::Descriptor& each, json::Writer& out) {
  out.object([&](json::Writer& line) {
    line.key("mediaType")
        .value(each.media_type)
        .key("digest")
        .value(each.digest.str())
        .key("size")
        .value(each.size);
    if (!each.artifact_type.empty()) line.key("artifactType").value(each.artifact_type);
    line.key("annotations").object([&](json::Writer& notes) {
      for (const auto& [key, value] : each.annotations) notes.key(key).value(value);
    });
  });
}

}  // namespace

void Registry::Handlers::manifest(http::Exchange& exchange, const Asked& asked) {
  const auto reference = oci::Reference::parse(asked.reference);
  if (!reference) return respond_error(exchange, reference.error(), "MANIFEST_UNKNOWN", "MANIFEST_INVALID");
  const Method method = exchange.head().method;
  if (method == Method::kPut) return put_manifest(exchange, asked, *reference);
  later(exchange, [this, asked, method, reference = *reference](http::Exchange& kept) {
    if (method != Method::kDelete) return get_manifest(kept, asked, reference);
    const Status removed = layout_.remove_manifest(asked.repository, reference);
    if (!removed) return respond_error(kept, removed.error(), "MANIFEST_UNKNOWN", "MANIFEST_INVALID");
    respond(kept, 202, {});
  });
}

void Registry::Handlers::get_manifest(http::Exchange& exchange, const Asked& asked,
                                      const oci::Reference& reference) {
  const auto found = layout_.manifest(asked.repository, reference);
  if (!found) {
    const bool known = layout_.has_repository(asked.repository);
    return respond_error(exchange, found.error(), known ? "MANIFEST_UNKNOWN" : "NAME_UNKNOWN",
                         "MANIFEST_INVALID");
  }
  const std::string digest = found->descriptor.digest.str();
  const std::array<Header, 2> headers{{kVersion, {"docker-content-digest", digest}}};
  exchange.respond(
      {.status = 200, .content_type = found->descriptor.media_type, .headers = headers, .body = found->text});
}

void Registry::Handlers::put_manifest(http::Exchange& exchange, const Asked& asked,
                                      const oci::Reference& reference) {
  exchange.read_all(oci::kManifestBytes, [this, asked, reference](http::Exchange& taken,
                                                                  Result<std::string_view> body) {
    if (!body) return respond_error(taken, body.error(), "MANIFEST_UNKNOWN", "MANIFEST_INVALID");
    later(taken, [this, asked, reference, text = std::string(*body)](http::Exchange& kept) {
      const auto stored =
          layout_.put_manifest(asked.repository, reference, text, kept.head().find("content-type"));
      if (!stored) return respond_error(kept, stored.error(), "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID");
      const std::string digest = stored->digest.str();
      const std::string where = fmt::format("/v2/{}/manifests/{}", asked.repository, digest);
      const auto manifest = oci::parse_manifest(text, "");
      const std::string subject = manifest && manifest->subject ? manifest->subject->digest.str() : "";
      if (subject.empty())
        return respond(kept, 201, {{"location", where}, {"docker-content-digest", digest}});
      respond(kept, 201, {{"location", where}, {"docker-content-digest", digest}, {"oci-subject", subject}});
    });
  });
}

void Registry::Handlers::tags(http::Exchange& exchange, const Asked& asked) {
  const std::string last = query_value(exchange.head().query, "last");
  const auto limit = page_size(query_value(exchange.head().query, "n"));
  if (!limit) return respond_error(exchange, 400, "UNSUPPORTED", "?n= must be a number");
  later(exchange, [this, asked, last, limit = *limit](http::Exchange& kept) {
    if (!layout_.has_repository(asked.repository))
      return respond_error(kept, 404, "NAME_UNKNOWN",
                           fmt::format("there is no repository {}", asked.repository));
    std::vector<std::string> all = layout_.tags(asked.repository);
    all.erase(all.begin(), std::ranges::upper_bound(all, last));
    const bool more = all.size() > limit;
    if (more) all.resize(limit);
    std::string body;
    json::Writer(body).object([&](json::Writer& out) {
      out.key("name").value(asked.repository).key("tags").array(std::span(all));
    });
    if (!more || all.empty()) return respond(kept, 200, {}, body);
    const std::string link =
        fmt::format("</v2/{}/tags/list?n={}&last={}>; rel=\"next\"", asked.repository, limit, all.back());
    respond(kept, 200, {{"link", link}}, body);
  });
}

void Registry::Handlers::referrers(http::Exchange& exchange, const Asked& asked) {
  const auto subject = Digest::parse(asked.reference);
  if (!subject) return respond_error(exchange, subject.error(), "MANIFEST_UNKNOWN", "DIGEST_INVALID");
  const std::string wanted = query_value(exchange.head().query, "artifactType");
  later(exchange, [this, asked, subject = *subject, wanted](http::Exchange& kept) {
    std::string body;
    json::Writer(body).object([&](json::Writer& out) {
      out.key("schemaVersion")
          .value(2)
          .key("mediaType")
          .value(oci::kIndexType)
          .key("manifests")
          .begin_array();
      for (const oci::Descriptor& each : layout_.referrers(asked.repository, subject))
        if (wanted.empty() || each.artifact_type == wanted) write_referrer(each, out);
      out.end_array();
    });
    std::vector<Header> headers{kVersion};
    if (!wanted.empty()) headers.push_back({"oci-filters-applied", "artifactType"});
    kept.respond({.status = 200, .content_type = oci::kIndexType, .headers = headers, .body = body});
  });
}

}  // namespace slipway::registry
