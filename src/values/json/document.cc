#include "values/json/document.h"

#include <nlohmann/json.hpp>

#include "values/json/scanner.h"

namespace slipway::json {
namespace {

// Builds the tree while scanning. The depth is bounded by the scanner, so recursion is too.
class Builder {
 public:
  Builder(std::string_view text, const DocumentLimits& limits, std::vector<std::string>* duplicates)
      : in_(text, {.depth = limits.depth}), nodes_left_(limits.nodes), duplicates_(duplicates) {}

  Result<Document> build() {
    Document out;
    const bool built = value(out) && in_.finish();
    if (too_many_) return fail(Code::kTooLarge, "the JSON text has too many values");
    if (!built) return fail(in_.error());
    return out;
  }

 private:
  bool value(Document& out) {
    if (nodes_left_-- == 0) {
      too_many_ = true;
      return in_.fault("too many values");
    }
    switch (in_.peek()) {
      case Kind::kObject:
        return object(out);
      case Kind::kArray:
        return array(out);
      case Kind::kString: {
        std::string_view text;
        if (!in_.read(text)) return false;
        out = std::string(text);
        return true;
      }
      case Kind::kBool: {
        bool flag = false;
        if (!in_.read(flag)) return false;
        out = flag;
        return true;
      }
      case Kind::kNull:
        out = nullptr;
        return in_.read_null();
      default:
        return number(out);
    }
  }

  bool object(Document& out) {
    out = Document::object();
    if (!in_.begin_object()) return false;
    for (std::string_view key; in_.next_key(key);) {
      const auto [at, fresh] = out.get_ref<Document::object_t&>().try_emplace(std::string(key));
      const size_t before = path_.size();
      path_ += path_.empty() ? "" : ".";
      path_ += key;
      if (!fresh && duplicates_ != nullptr) duplicates_->push_back(path_);
      if (!value(at->second)) return false;
      path_.resize(before);
    }
    return in_.good();
  }

  bool array(Document& out) {
    out = Document::array();
    if (!in_.begin_array()) return false;
    while (in_.next_element()) {
      const size_t before = path_.size();
      path_ += fmt::format("[{}]", out.size());
      if (!value(out.emplace_back())) return false;
      path_.resize(before);
    }
    return in_.good();
  }

  // Whole numbers stay whole where 64 bits hold them.
  bool number(Document& out) {
    std::string_view text;
    if (!in_.raw(text)) return false;
    if (text.find_first_of(".eE") == std::string_view::npos) {
      int64_t whole = 0;
      if (Scanner(text).read(whole)) {
        out = whole;
        return true;
      }
    }
    double real = 0;
    if (!Scanner(text).read(real)) return in_.fault("the number is too large");
    out = real;
    return true;
  }

  Scanner in_;
  size_t nodes_left_;
  bool too_many_ = false;
  std::vector<std::string>* duplicates_;
  std::string path_;
};

}  // namespace

Result<Document> parse_document(std::string_view text, const DocumentLimits& limits,
                                std::vector<std::string>* duplicates) {
  if (text.size() > limits.bytes)
    return fail(Code::kTooLarge, "the JSON text has {} bytes; {} are allowed", text.size(), limits.bytes);
  return Builder(text, limits, duplicates).build();
}

std::string canonical(const Document& document) {
  return document.dump(-1, ' ', false, Document::error_handler_t::replace);
}

const Document& member(const Document& object, std::string_view name) {
  static const Document kNull;
  if (!object.is_object()) return kNull;
  const auto at = object.find(name);
  return at == object.end() ? kNull : *at;
}

std::string text_of(const Document& object, std::string_view name) {
  const Document& found = member(object, name);
  return found.is_string() ? found.get<std::string>() : "";
}

}  // namespace slipway::json
