// Patches on a resource: JSON merge patch (RFC 7386) and JSON patch (RFC 6902). Pure.
#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

#include "services/api/internal/status.h"
#include "values/json/document.h"

namespace slipway::api {

enum class PatchType : uint8_t { kMerge, kJson };

// Nothing for a type that we do not take: 415 then.
std::optional<PatchType> patch_type(std::string_view content_type);
inline constexpr std::string_view kPatchTypes = "application/json-patch+json, application/merge-patch+json";

// The document with the patch applied. 400 for what is no patch, 422 for one that does not fit.
tl::expected<json::Document, Failure> apply_patch(PatchType type, std::string_view patch,
                                                  json::Document document);

}  // namespace slipway::api
