// The names that the OCI distribution specification allows, checked once: nothing else becomes part of a
// path.
#pragma once

#include <string>
#include <string_view>

#include "values/base/digest.h"
#include "values/base/result.h"

namespace slipway::oci {

// "credit", "team/credit": lower-case letters and digits, separated by one of . _ __ - or /; ≤ 255.
Status check_repository(std::string_view name);
// [A-Za-z0-9_][A-Za-z0-9._-]{0,127}
Status check_tag(std::string_view tag);

// What a manifest is asked for by: its digest, or a tag.
struct Reference {
  std::string tag;  // empty: by digest
  Digest digest;

  static Result<Reference> parse(std::string_view text);
  std::string str() const { return tag.empty() ? digest.str() : tag; }
};

}  // namespace slipway::oci
