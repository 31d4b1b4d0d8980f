#include "system/oci/names.h"

#include <algorithm>

namespace slipway::oci {
namespace {

bool lower(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_component(std::string_view text) {
  if (text.empty() || !lower(text.front()) || !lower(text.back())) return false;
  for (size_t i = 0; i < text.size();) {
    if (lower(text[i])) {
      ++i;
      continue;
    }
    const size_t end = std::min(text.find_first_not_of(text[i], i), text.size());
    const size_t run = end - i;
    const bool allowed = text[i] == '-' || (text[i] == '.' && run == 1) || (text[i] == '_' && run <= 2);
    if (!allowed || !lower(text[end])) return false;
    i = end;
  }
  return true;
}

}  // namespace

Status check_repository(std::string_view name) {
  const auto bad = [&] {
    return fail(Code::kInvalid,
                "'{}' is not a repository's name: lower-case letters and digits, separated by . _ - or /",
                name.substr(0, 255));
  };
  if (name.size() > 255) return bad();
  for (std::string_view rest = name;;) {
    const size_t slash = std::min(rest.find('/'), rest.size());
    if (!is_component(rest.substr(0, slash))) return bad();
    if (slash == rest.size()) return ok();
    rest.remove_prefix(slash + 1);
  }
}

Status check_tag(std::string_view tag) {
  const auto word = [](char c) { return lower(c) || (c >= 'A' && c <= 'Z') || c == '_'; };
  const bool fine =
      !tag.empty() && tag.size() <= 128 && word(tag.front()) &&
      std::all_of(tag.begin(), tag.end(), [&](char c) { return word(c) || c == '.' || c == '-'; });
  if (fine) return ok();
  return fail(Code::kInvalid, "'{}' is not a tag: letters, digits, . _ and -, at most 128",
              tag.substr(0, 128));
}

Result<Reference> Reference::parse(std::string_view text) {
  if (text.find(':') != std::string_view::npos) {
    auto digest = Digest::parse(text);
    if (!digest) return fail(digest.error());
    return Reference{.tag = "", .digest = *digest};
  }
  if (Status tag = check_tag(text); !tag) return fail(tag.error());
  return Reference{.tag = std::string(text), .digest = {}};
}

}  // namespace slipway::oci
