#include <yaml.h>

#include "system/kube/internal/scalar.h"
#include "system/kube/internal/tree.h"
#include "system/kube/yaml.h"

namespace slipway::kube {
namespace {

using internal::TreeNode;

// Line breaks of YAML 1.1 that its blocks and folds would change.
bool has_other_breaks(std::string_view text) {
  for (const std::string_view one : {"\r", "\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"})
    if (text.find(one) != std::string_view::npos) return true;
  return false;
}

// What kubectl asks for; the emitter turns a style that does not fit the text into one that does.
yaml_scalar_style_t style_of(std::string_view text) {
  if (has_other_breaks(text)) return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
  if (text.find('\n') != std::string_view::npos) return YAML_LITERAL_SCALAR_STYLE;
  return internal::is_text_without_quotes(text) ? YAML_PLAIN_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
}

class Emitter {
 public:
  explicit Emitter(const std::vector<TreeNode>& nodes) : nodes_(nodes) {
    good_ = yaml_emitter_initialize(&emitter_) == 1;
    yaml_emitter_set_unicode(&emitter_, 1);
    yaml_emitter_set_output(&emitter_, append, &out_);
  }
  ~Emitter() { yaml_emitter_delete(&emitter_); }
  Emitter(const Emitter&) = delete;
  Emitter& operator=(const Emitter&) = delete;

  Result<std::string> run();

 private:
  static int append(void* out, unsigned char* bytes, size_t size) {
    static_cast<std::string*>(out)->append(reinterpret_cast<const char*>(bytes), size);
    return 1;
  }
  // The emitter owns the event's parts from here on.
  void emit(yaml_event_t& event, int made) {
    good_ = good_ && made == 1 && yaml_emitter_emit(&emitter_, &event) == 1;
  }
  void scalar(std::string_view text, yaml_scalar_style_t style);
  void begin(const TreeNode& node);
  void end(const TreeNode& node);
  void walk();

  struct Open {
    uint32_t node = 0;
    size_t next = 0;
  };
  const std::vector<TreeNode>& nodes_;
  yaml_emitter_t emitter_{};
  std::string out_;
  bool good_ = false;
};

void Emitter::scalar(std::string_view text, yaml_scalar_style_t style) {
  yaml_event_t event;
  const int made = yaml_scalar_event_initialize(
      &event, nullptr, nullptr, reinterpret_cast<const yaml_char_t*>(text.data()),
      static_cast<int>(text.size()), style == YAML_DOUBLE_QUOTED_SCALAR_STYLE ? 0 : 1, 1, style);
  emit(event, made);
}

void Emitter::begin(const TreeNode& node) {
  yaml_event_t event;
  switch (node.kind) {
    case TreeNode::Kind::kText:
      return scalar(node.text, style_of(node.text));
    case TreeNode::Kind::kLiteral:
      return scalar(node.text, YAML_PLAIN_SCALAR_STYLE);
    case TreeNode::Kind::kMapping:
      return emit(event,
                  yaml_mapping_start_event_initialize(&event, nullptr, nullptr, 1, YAML_BLOCK_MAPPING_STYLE));
    case TreeNode::Kind::kList:
      return emit(event, yaml_sequence_start_event_initialize(&event, nullptr, nullptr, 1,
                                                              YAML_BLOCK_SEQUENCE_STYLE));
  }
}

void Emitter::end(const TreeNode& node) {
  yaml_event_t event;
  if (node.kind == TreeNode::Kind::kMapping) emit(event, yaml_mapping_end_event_initialize(&event));
  if (node.kind == TreeNode::Kind::kList) emit(event, yaml_sequence_end_event_initialize(&event));
}

// Iterative: the open nodes and how far each has been written.
void Emitter::walk() {
  begin(nodes_[0]);
  std::vector<Open> path{{}};
  while (!path.empty()) {
    Open& top = path.back();
    const TreeNode& node = nodes_[top.node];
    if (top.next == node.children.size()) {
      end(node);
      path.pop_back();
      continue;
    }
    const uint32_t child = node.children[top.next++];
    if (node.kind == TreeNode::Kind::kMapping) scalar(nodes_[child].key, style_of(nodes_[child].key));
    begin(nodes_[child]);
    path.push_back({.node = child});
  }
}

Result<std::string> Emitter::run() {
  yaml_event_t event;
  if (good_) emit(event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
  if (good_) emit(event, yaml_document_start_event_initialize(&event, nullptr, nullptr, nullptr, 1));
  if (good_) walk();
  if (good_) emit(event, yaml_document_end_event_initialize(&event, 1));
  if (good_) emit(event, yaml_stream_end_event_initialize(&event));
  if (!good_)
    return fail(Code::kInternal, "the value cannot be written as YAML: {}",
                emitter_.problem == nullptr ? "no memory" : emitter_.problem);
  return std::move(out_);
}

}  // namespace

Result<std::string> json_to_yaml(std::string_view json) {
  const auto nodes = internal::read_tree(json);
  if (!nodes) return fail(base::within("while writing YAML", nodes.error()));
  return Emitter(*nodes).run();
}

}  // namespace slipway::kube
