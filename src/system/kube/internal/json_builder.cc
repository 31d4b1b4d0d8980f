#include "system/kube/internal/json_builder.h"

namespace slipway::kube::internal {

Status JsonBuilder::count() {
  if (++nodes_ <= limits_.nodes) return ok();
  return fail(Code::kTooLarge, "more than {} values; split the file", limits_.nodes);
}

Status JsonBuilder::open(Open container) {
  if (auto counted = count(); !counted) return counted;
  if (open_.size() == limits_.depth)
    return fail(Code::kTooLarge, "nested more than {} levels deep", limits_.depth);
  container.mapping ? writer_->begin_object() : writer_->begin_array();
  open_.push_back(std::move(container));
  return ok();
}

Status JsonBuilder::begin_mapping() { return open({.mapping = true, .wants_key = true}); }
Status JsonBuilder::begin_list() { return open({}); }

void JsonBuilder::end() {
  open_.back().mapping ? writer_->end_object() : writer_->end_array();
  open_.pop_back();
  close_value();
}

void JsonBuilder::close_value() {
  if (!open_.empty()) open_.back().wants_key = open_.back().mapping;
}

Status JsonBuilder::key(std::string_view name) {
  if (auto counted = count(); !counted) return counted;
  if (!open_.back().keys.emplace(name).second)
    return fail(Code::kInvalid, "the key '{}' stands twice in this mapping; remove one", shortened(name));
  writer_->key(name);
  open_.back().wants_key = false;
  return ok();
}

Status JsonBuilder::text(std::string_view value) {
  if (auto counted = count(); !counted) return counted;
  writer_->value(value);
  close_value();
  return ok();
}

Status JsonBuilder::literal(std::string_view json) {
  if (auto counted = count(); !counted) return counted;
  writer_->raw(json);
  close_value();
  return ok();
}

std::string JsonBuilder::take() {
  std::string out = std::exchange(text_, {});
  writer_.emplace(text_);
  return out;
}

std::string_view shortened(std::string_view text) {
  constexpr size_t kShown = 60;
  if (text.size() <= kShown) return text;
  size_t end = kShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace slipway::kube::internal
