#include "system/kube/internal/tree.h"

#include <algorithm>

#include "values/json/scanner.h"

namespace slipway::kube::internal {
namespace {

using json::Kind;
using json::Scanner;

// Iterative: `path_` holds the nodes that are open.
class Builder {
 public:
  explicit Builder(std::string_view json) : in_(json) {}

  Result<std::vector<TreeNode>> run() {
    do {
      if (!node() || !leave_finished()) return fail(in_.error());
    } while (!path_.empty());
    if (!in_.finish()) return fail(in_.error());
    return std::move(nodes_);
  }

 private:
  bool node() {
    const Kind kind = in_.peek();
    const auto index = static_cast<uint32_t>(nodes_.size());
    if (!path_.empty()) nodes_[path_.back()].children.push_back(index);
    TreeNode& made = nodes_.emplace_back();
    made.key = key_;
    std::string_view text;
    if (kind == Kind::kObject || kind == Kind::kArray) {
      made.kind = kind == Kind::kObject ? TreeNode::Kind::kMapping : TreeNode::Kind::kList;
      path_.push_back(index);
      return kind == Kind::kObject ? in_.begin_object() : in_.begin_array();
    }
    if (kind == Kind::kString) made.kind = TreeNode::Kind::kText;
    if (!(kind == Kind::kString ? in_.read(text) : in_.raw(text))) return false;
    made.text = text;
    return true;
  }

  bool leave_finished() {
    while (!path_.empty()) {
      TreeNode& open = nodes_[path_.back()];
      const bool mapping = open.kind == TreeNode::Kind::kMapping;
      std::string_view key;
      if (mapping ? in_.next_key(key) : in_.next_element()) {
        key_ = key;
        return true;
      }
      if (!in_.good()) return false;
      if (mapping) sort(open);
      path_.pop_back();
    }
    return true;
  }

  void sort(TreeNode& mapping) {
    std::ranges::sort(mapping.children, natural_less,
                      [this](uint32_t i) -> std::string_view { return nodes_[i].key; });
  }

  Scanner in_;
  std::string key_;
  std::vector<TreeNode> nodes_;
  std::vector<uint32_t> path_;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Bytes of other scripts are letters nearly always.
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

std::string_view digits_at(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  return text.substr(at, end - at);
}

// Whether the digits at the end have a value, so that a zero after them counts.
bool ends_in_number(std::string_view text) {
  while (!text.empty() && is_digit(text.back())) {
    if (text.back() != '0') return true;
    text.remove_suffix(1);
  }
  return false;
}

std::string_view without_zeros(std::string_view digits) {
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  return digits;
}

}  // namespace

bool natural_less(std::string_view a, std::string_view b) {
  const size_t both = std::min(a.size(), b.size());
  size_t at = 0;
  while (at < both && a[at] == b[at]) ++at;
  if (at == both) return a.size() < b.size();
  const bool letter_a = is_letter(a[at]), letter_b = is_letter(b[at]);
  const bool after_digit = at > 0 && is_digit(a[at - 1]);
  if (letter_a != letter_b) return after_digit ? letter_a : letter_b;
  if (!letter_a) {  // what is no number counts as zero
    const auto x = digits_at(a, at), y = digits_at(b, at);
    const bool inside = ends_in_number(a.substr(0, at));
    const auto p = inside ? x : without_zeros(x), q = inside ? y : without_zeros(y);
    if (p.size() != q.size()) return p.size() < q.size();
    if (p != q) return p < q;
    if (x.size() != y.size()) return x.size() < y.size();
  }
  return static_cast<unsigned char>(a[at]) < static_cast<unsigned char>(b[at]);
}

Result<std::vector<TreeNode>> read_tree(std::string_view json) { return Builder(json).run(); }

}  // namespace slipway::kube::internal
