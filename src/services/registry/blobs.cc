#include <array>
#include <charconv>

#include "services/registry/internal/answers.h"
#include "services/registry/internal/blob_stream.h"
#include "services/registry/internal/handlers.h"
#include "services/registry/internal/upload_body.h"

namespace slipway::registry {
namespace {

using base::Header;
using base::Method;

constexpr std::string_view kBlobType = "application/octet-stream";

std::string range_text(uint64_t size) { return fmt::format("0-{}", size == 0 ? 0 : size - 1); }

std::string upload_location(const std::string& repository, const std::string& id) {
  return fmt::format("/v2/{}/blobs/uploads/{}", repository, id);
}

void accepted(http::Exchange& exchange, const Asked& asked, int status, uint64_t size) {
  const std::string where = upload_location(asked.repository, asked.reference), range = range_text(size);
  respond(exchange, status, {{"location", where}, {"range", range}, {"docker-upload-uuid", asked.reference}});
}

void created(http::Exchange& exchange, const std::string& repository, const Digest& digest) {
  const std::string name = digest.str(), where = fmt::format("/v2/{}/blobs/{}", repository, name);
  respond(exchange, 201, {{"location", where}, {"docker-content-digest", name}});
}

void wrong_place(http::Exchange& exchange, const Asked& asked, uint64_t size) {
  const std::string where = upload_location(asked.repository, asked.reference), range = range_text(size);
  respond_error(exchange, {.status = 416,
                           .code = "BLOB_UPLOAD_INVALID",
                           .message = fmt::format("the upload has {} bytes; go on there", size),
                           .also = {{{"range", range}, {"location", where}}}});
}

void fail_upload(http::Exchange& exchange, const Error& error) {
  respond_error(exchange, error, "BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID");
}

}  // namespace

void Registry::Handlers::blob(http::Exchange& exchange, const Asked& asked) {
  const auto digest = Digest::parse(asked.reference);
  if (!digest) return respond_error(exchange, digest.error(), "BLOB_UNKNOWN", "DIGEST_INVALID");
  const bool head = exchange.head().method == Method::kHead;
  later(exchange, [this, digest = *digest, head](http::Exchange& kept) {
    head ? head_blob(kept, digest) : get_blob(kept, digest);
  });
}

void Registry::Handlers::head_blob(http::Exchange& exchange, const Digest& digest) {
  const auto size = layout_.find_blob(digest);
  if (!size) return respond_error(exchange, size.error(), "BLOB_UNKNOWN", "DIGEST_INVALID");
  const std::string name = digest.str();
  const std::array<Header, 3> headers{
      {kVersion, {"docker-content-digest", name}, {"accept-ranges", "bytes"}}};
  exchange.respond(
      {.status = 200, .content_type = kBlobType, .headers = headers, .body = "", .length = *size});
}

void Registry::Handlers::get_blob(http::Exchange& exchange, const Digest& digest) {
  auto file = layout_.open_blob(digest);
  if (!file) return respond_error(exchange, file.error(), "BLOB_UNKNOWN", "DIGEST_INVALID");
  const std::string name = digest.str(), all = fmt::format("bytes */{}", file->size);
  const auto range = parse_range(exchange.head().find("range"), file->size);
  if (!range)
    return respond_error(exchange, {.status = 416,
                                    .code = "SIZE_INVALID",
                                    .message = range.error().message,
                                    .also = {{{"content-range", all}, {}}}});
  std::vector<Header> headers{kVersion, {"docker-content-digest", name}, {"accept-ranges", "bytes"}};
  if (file->size == 0)
    return exchange.respond({.status = 200, .content_type = kBlobType, .headers = headers, .body = ""});
  const Range part = range->value_or(Range{.first = 0, .last = file->size - 1});
  const std::string content_range = fmt::format("bytes {}-{}/{}", part.first, part.last, file->size);
  if (*range) headers.push_back({"content-range", content_range});
  exchange.start({.status = *range ? 206 : 200,
                  .content_type = kBlobType,
                  .headers = headers,
                  .body = "",
                  .length = part.last - part.first + 1});
  std::make_shared<BlobStream>(std::move(*file), part, executor_)->send(exchange);
}

// ---- Uploads

void Registry::Handlers::begin(http::Exchange& exchange, const Asked& asked) {
  const std::string mount = query_value(exchange.head().query, "mount");
  const std::string named = query_value(exchange.head().query, "digest");
  const auto wanted = Digest::parse(mount), digest = Digest::parse(named);
  if (!named.empty() && !digest)
    return respond_error(exchange, digest.error(), "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID");
  Taking taking{.repository = asked.repository};
  if (digest) taking.digest = *digest;
  later(exchange, [this, wanted, taking](http::Exchange& kept) {
    // Blobs belong to all repositories: who may push may name any of them.
    if (wanted && layout_.find_blob(*wanted)) return created(kept, taking.repository, *wanted);
    const auto id = layout_.begin_upload();
    if (!id) return fail_upload(kept, id.error());
    Taking begun = taking;
    begun.id = *id;
    if (!begun.digest) return accepted(kept, {.repository = begun.repository, .reference = *id}, 202, 0);
    begun.owner = {nullptr, [this, id = *id](void*) { static_cast<void>(layout_.cancel_upload(id)); }};
    on_loop(kept, [this, begun](http::Exchange& again) { take_body(again, begun); });
  });
}

void Registry::Handlers::upload(http::Exchange& exchange, const Asked& asked) {
  const Method method = exchange.head().method;
  // A broken-off upload is hashed again first: that takes its time.
  later(exchange, [this, asked, method](http::Exchange& kept) {
    if (method == Method::kDelete) {
      const Status cancelled = layout_.cancel_upload(asked.reference);
      return cancelled ? respond(kept, 204, {}) : fail_upload(kept, cancelled.error());
    }
    const auto size = layout_.upload_size(asked.reference);
    if (!size) return fail_upload(kept, size.error());
    if (method == Method::kGet || method == Method::kHead) return accepted(kept, asked, 204, *size);
    on_loop(kept, [this, asked, size = *size](http::Exchange& again) { take_chunk(again, asked, size); });
  });
}

void Registry::Handlers::take_chunk(http::Exchange& exchange, const Asked& asked, uint64_t size) {
  const base::RequestHead& head = exchange.head();
  Taking taking{.repository = asked.repository, .id = asked.reference, .offset = size};
  taking.turn = take_turn(taking.id);
  if (!taking.turn) return wrong_place(exchange, asked, size);
  if (const std::string_view header = head.find("content-range"); !header.empty()) {
    const auto range = parse_content_range(header);
    if (!range || range->first != size) return wrong_place(exchange, asked, size);
    taking.end = range->last + 1;
    const std::string_view length = head.find("content-length");
    if (!length.empty() && length != fmt::to_string(range->last - range->first + 1))
      return respond_error(exchange, 400, "SIZE_INVALID",
                           "content-range and content-length contradict each other");
  }
  if (head.method == Method::kPut) {
    const auto digest = Digest::parse(query_value(head.query, "digest"));
    if (!digest)
      return respond_error(exchange, 400, "DIGEST_INVALID", "?digest=sha256:<64 hex digits> is missing");
    taking.digest = *digest;
  }
  take_body(exchange, std::move(taking));
}

std::shared_ptr<Registry::Handlers::Turn> Registry::Handlers::take_turn(const std::string& id) {
  const runtime::MutexLock lock(mutex_);
  return taking_.insert(id).second ? std::make_shared<Turn>(*this, id) : nullptr;
}

void Registry::Handlers::Turn::give_back() {
  if (!held_.exchange(false)) return;
  const runtime::MutexLock lock(handlers_.mutex_);
  handlers_.taking_.erase(id_);
}

void Registry::Handlers::take_body(http::Exchange& exchange, Taking taking) {
  const auto body = std::make_shared<UploadBody>(layout_, executor_, options_.piece_bytes, taking.id);
  const uint64_t offset = taking.offset;
  body->run(exchange, offset,
            [this, taking = std::move(taking)](http::Exchange& kept, const Result<uint64_t>& size) {
              later(kept, [this, taking, size](http::Exchange& again) { took_body(again, taking, size); });
            });
}

void Registry::Handlers::took_body(http::Exchange& exchange, const Taking& taking,
                                   const Result<uint64_t>& size) {
  const Asked asked{.repository = taking.repository, .reference = taking.id};
  const bool whole = size && (!taking.end || *taking.end == *size);
  const Status finished = whole && taking.digest ? layout_.finish_upload(taking.id, *taking.digest) : ok();
  if (taking.turn) taking.turn->give_back();
  if (!whole) {
    if (size)
      return respond_error(exchange, 400, "SIZE_INVALID", "the body is not as long as content-range says");
    const auto now = layout_.upload_size(taking.id);
    if (size.error().code == Code::kConflict && now) return wrong_place(exchange, asked, *now);
    return fail_upload(exchange, size.error());
  }
  if (!taking.digest) return accepted(exchange, asked, 202, *size);
  if (!finished) return respond_error(exchange, finished.error(), "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID");
  created(exchange, taking.repository, *taking.digest);
}

}  // namespace slipway::registry
