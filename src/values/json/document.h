// A whole JSON text as a tree, for the places where trees are what is worked on: resources, manifests,
// patches. Parsed by the strict scanner, so that its limits and its strictness hold here too.
//
// Never for model files or the request path: a tree costs ten times the text. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "values/base/result.h"

namespace slipway::json {

using Document = nlohmann::json;  // objects are sorted by key, which makes dump() canonical

struct DocumentLimits {
  size_t bytes = 3 << 20;
  size_t depth = 64;
  size_t nodes = 200'000;
};

// kInvalid with the byte offset, kTooLarge over the limits on bytes and nodes. Of a key that stands twice in
// an object the last wins, as in Go; its path ("spec.model") is added to `duplicates` when that is given.
Result<Document> parse_document(std::string_view text, const DocumentLimits& limits = {},
                                std::vector<std::string>* duplicates = nullptr);

// The canonical text: keys sorted, no white space. Never throws: bytes that are not UTF-8 become U+FFFD.
std::string canonical(const Document& document);

// The member, or null when `object` is no object or has none of that name.
const Document& member(const Document& object, std::string_view name);
// The member's text; empty when it is not a string.
std::string text_of(const Document& object, std::string_view name);

}  // namespace slipway::json
