#include "system/kube/internal/json_stream.h"

#include <vector>

#include "system/kube/internal/json_builder.h"
#include "values/json/scanner.h"

namespace slipway::kube::internal {
namespace {

using json::Kind;
using json::Scanner;

// Iterative, so that depth costs no stack. False at a fault of the text or the builder's refusal.
class Copy {
 public:
  Copy(std::string_view text, const YamlLimits& limits) : in_(text, {.depth = limits.depth}), out_(limits) {}

  std::optional<std::string> run() {
    const Kind first = in_.peek();
    if (first != Kind::kObject && first != Kind::kArray) return std::nullopt;
    do {
      if (!node() || !close_finished()) return std::nullopt;
    } while (!mappings_.empty());
    return in_.finish() ? std::optional(out_.take()) : std::nullopt;
  }

 private:
  bool node() {
    const Kind kind = in_.peek();
    std::string_view text;
    switch (kind) {
      case Kind::kObject:
        mappings_.push_back(true);
        return in_.begin_object() && out_.begin_mapping();
      case Kind::kArray:
        mappings_.push_back(false);
        return in_.begin_array() && out_.begin_list();
      case Kind::kString:
        return in_.read(text) && out_.text(text);
      default:
        return in_.raw(text) && out_.literal(text);
    }
  }

  // Goes on to where the next value stands, or out of what has ended.
  bool close_finished() {
    std::string_view key;
    while (!mappings_.empty()) {
      if (mappings_.back() ? in_.next_key(key) : in_.next_element())
        return !mappings_.back() || out_.key(key);
      if (!in_.good()) return false;
      out_.end();
      mappings_.pop_back();
    }
    return true;
  }

  Scanner in_;
  JsonBuilder out_;
  std::vector<bool> mappings_;
};

}  // namespace

std::optional<std::string> read_json(std::string_view text, const YamlLimits& limits) {
  return Copy(text, limits).run();
}

}  // namespace slipway::kube::internal
