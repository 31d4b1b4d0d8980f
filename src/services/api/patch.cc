#include "services/api/internal/patch.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace slipway::api {
namespace {

using json::Document;

constexpr size_t kMaxOperations = 10'000;
constexpr size_t kMaxCopies = 100;
constexpr size_t kMaxBytes = 3 << 20;
constexpr std::ptrdiff_t kMaxDepth = 64;  // of a path

Failure malformed(std::string_view what) { return bad_request(fmt::format("invalid JSON patch: {}", what)); }

Failure does_not_fit(std::string_view what) {
  return {.code = 422,
          .reason = "Invalid",
          .message = fmt::format("the patch does not fit the object: {}", what)};
}

bool leads_too_deep(const Document& operation) {
  const std::string path = json::text_of(operation, "path");
  return std::count(path.begin(), path.end(), '/') > kMaxDepth;
}

// What a patch has made need not be what a body may be: it is held to the same limits.
tl::expected<Document, Failure> checked(const Document& document) {
  auto read = json::parse_document(json::canonical(document));
  if (!read) return tl::unexpected(does_not_fit(read.error().message));
  return std::move(*read);
}

// One operation after the other, so that a chain of copies is stopped before it has grown.
tl::expected<Document, Failure> apply_operations(const Document& operations, Document document) {
  if (!operations.is_array()) return tl::unexpected(malformed("it must be an array of operations"));
  if (operations.size() > kMaxOperations)
    return tl::unexpected(malformed(fmt::format("more than {} operations", kMaxOperations)));
  size_t copies = 0;
  for (const Document& operation : operations) {
    if (leads_too_deep(operation)) return tl::unexpected(does_not_fit("a path is too deep"));
    try {
      document.patch_inplace(Document::array({operation}));
    } catch (const Document::parse_error& error) {
      return tl::unexpected(malformed(error.what()));
    } catch (const Document::exception& error) {
      return tl::unexpected(does_not_fit(error.what()));
    }
    if (json::text_of(operation, "op") != "copy") continue;
    if (++copies > kMaxCopies || json::canonical(document).size() > kMaxBytes)
      return tl::unexpected(does_not_fit("its copies make the object too large"));
  }
  return checked(document);
}

}  // namespace

std::optional<PatchType> patch_type(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  if (type == "application/merge-patch+json") return PatchType::kMerge;
  if (type == "application/json-patch+json") return PatchType::kJson;
  return std::nullopt;
}

tl::expected<Document, Failure> apply_patch(PatchType type, std::string_view patch, Document document) {
  auto parsed = json::parse_document(patch);
  if (!parsed) return tl::unexpected(malformed(parsed.error().message));
  if (type == PatchType::kJson) return apply_operations(*parsed, std::move(document));
  if (!parsed->is_object()) return tl::unexpected(malformed("a merge patch must be an object"));
  document.merge_patch(*parsed);
  return checked(document);
}

}  // namespace slipway::api
