#include "system/kube/yaml.h"

#include <yaml.h>

#include <optional>

#include "system/kube/internal/json_builder.h"
#include "system/kube/internal/json_stream.h"
#include "system/kube/internal/scalar.h"

namespace slipway::kube {
namespace {

using internal::JsonBuilder;
using internal::Scalar;
using internal::ScalarKind;
using internal::shortened;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view view(const yaml_char_t* text, size_t size) {
  return {reinterpret_cast<const char*>(text), size};
}

// One event of libyaml's, freed in time.
struct Event {
  Event() = default;
  ~Event() { yaml_event_delete(&raw); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  yaml_event_t raw{};
};

class Reader {
 public:
  Reader(std::string_view text, std::string_view source, const YamlLimits& limits)
      : text_(text), source_(source), limits_(limits), builder_(limits) {
    ready_ = yaml_parser_initialize(&parser_) == 1;
    if (!ready_) return;
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);  // else it would guess UTF-16
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Reader() {
    if (ready_) yaml_parser_delete(&parser_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<std::vector<YamlDocument>> run();

 private:
  Error at(const yaml_mark_t& mark, const Error& error) const;
  template <class... Args>
  tl::unexpected<Error> refuse(const yaml_mark_t& mark, fmt::format_string<Args...> text,
                               Args&&... args) const {
    return fail(at(mark, {Code::kInvalid, fmt::format(text, std::forward<Args>(args)...)}));
  }
  Error parser_error() const;

  Status take(const yaml_event_t& event);
  Status node(const yaml_event_t& event);
  Status refuse_properties(const yaml_event_t& event) const;
  Status scalar(const yaml_event_t& event);
  Status key(std::string_view text, const Scalar& meaning, const yaml_mark_t& mark);
  Status value(std::string_view text, const Scalar& meaning, const yaml_mark_t& mark);
  Status end_document();

  std::string_view text_, source_;
  const YamlLimits limits_;
  yaml_parser_t parser_{};
  bool ready_ = false;
  JsonBuilder builder_;
  size_t documents_seen_ = 0;
  std::optional<int> line_;  // of the open document's first node
  std::vector<YamlDocument> documents_;
};

Error Reader::at(const yaml_mark_t& mark, const Error& error) const {
  return {error.code, fmt::format("{}:{}:{}: {}", source_, mark.line + 1, mark.column + 1, error.message)};
}

Error Reader::parser_error() const {
  if (parser_.error == YAML_MEMORY_ERROR) return {Code::kExhausted, fmt::format("{}: no memory", source_)};
  if (parser_.error == YAML_READER_ERROR)
    return {Code::kInvalid, fmt::format("{}: byte {}: {}", source_, parser_.problem_offset, parser_.problem)};
  const yaml_mark_t& mark = parser_.problem_mark;
  std::string message = parser_.problem == nullptr ? "is not YAML" : parser_.problem;
  if (parser_.context != nullptr) message += fmt::format(" ({})", parser_.context);
  const size_t line_start = mark.index - std::min(mark.index, mark.column);
  if (text_.substr(std::min(line_start, text_.size()), mark.column + 1).find('\t') != std::string_view::npos)
    message += "; a tab stands in this line: indent with spaces";
  return at(mark, {Code::kInvalid, std::move(message)});
}

Result<std::vector<YamlDocument>> Reader::run() {
  if (!ready_) return fail(Code::kExhausted, "{}: no memory", source_);
  for (bool more = true; more;) {
    Event event;
    if (yaml_parser_parse(&parser_, &event.raw) != 1) return fail(parser_error());
    if (auto taken = take(event.raw); !taken) return fail(taken.error());
    more = event.raw.type != YAML_STREAM_END_EVENT;
  }
  return std::move(documents_);
}

Status Reader::take(const yaml_event_t& event) {
  switch (event.type) {
    case YAML_ALIAS_EVENT:
      return refuse(event.start_mark, "aliases (*{}) are not read; write the value out",
                    shortened(reinterpret_cast<const char*>(event.data.alias.anchor)));
    case YAML_SCALAR_EVENT:
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
      return node(event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
      builder_.end();
      return ok();
    case YAML_DOCUMENT_END_EVENT:
      return end_document();
    default:
      return ok();
  }
}

Status Reader::refuse_properties(const yaml_event_t& event) const {
  const bool scalar = event.type == YAML_SCALAR_EVENT, list = event.type == YAML_SEQUENCE_START_EVENT;
  const yaml_char_t* anchor = scalar ? event.data.scalar.anchor
                              : list ? event.data.sequence_start.anchor
                                     : event.data.mapping_start.anchor;
  const yaml_char_t* tag = scalar ? event.data.scalar.tag
                           : list ? event.data.sequence_start.tag
                                  : event.data.mapping_start.tag;
  if (anchor != nullptr)
    return refuse(event.start_mark, "anchors (&{}) are not read; write the value out where it is needed",
                  shortened(reinterpret_cast<const char*>(anchor)));
  if (tag != nullptr)
    return refuse(event.start_mark, "tags ({}) are not read; quote a value that is text",
                  shortened(reinterpret_cast<const char*>(tag)));
  return ok();
}

Status Reader::node(const yaml_event_t& event) {
  if (!line_) line_ = static_cast<int>(event.start_mark.line) + 1;
  if (auto plain = refuse_properties(event); !plain) return plain;
  if (event.type == YAML_SCALAR_EVENT) return scalar(event);
  if (builder_.wants_key()) return refuse(event.start_mark, "a key must be text, not a mapping or a list");
  auto opened = event.type == YAML_MAPPING_START_EVENT ? builder_.begin_mapping() : builder_.begin_list();
  return opened ? ok() : fail(at(event.start_mark, opened.error()));
}

Status Reader::scalar(const yaml_event_t& event) {
  const auto& raw = event.data.scalar;
  const std::string_view text = view(raw.value, raw.length);
  const Scalar meaning = raw.style == YAML_PLAIN_SCALAR_STYLE ? internal::resolve_plain(text) : Scalar{};
  if (builder_.wants_key()) {
    if (raw.style == YAML_PLAIN_SCALAR_STYLE && text == "<<")
      return refuse(event.start_mark, "merge keys (<<) are not read; write the fields out");
    return key(text, meaning, event.start_mark);
  }
  return value(text, meaning, event.start_mark);
}

Status Reader::key(std::string_view text, const Scalar& meaning, const yaml_mark_t& mark) {
  if (meaning.kind != ScalarKind::kText && meaning.json != text)
    return refuse(mark, "the key '{0}' would not be read as it is written; quote it: \"{0}\"",
                  shortened(text));
  if (meaning.kind == ScalarKind::kNull) return refuse(mark, "null cannot be a key; quote it: \"null\"");
  auto put = builder_.key(text);
  return put ? ok() : fail(at(mark, put.error()));
}

Status Reader::value(std::string_view text, const Scalar& meaning, const yaml_mark_t& mark) {
  if (meaning.kind == ScalarKind::kRefused)
    return refuse(mark, "{} {}; quote it if it is text", shortened(text), meaning.why);
  auto put = meaning.kind == ScalarKind::kText ? builder_.text(text) : builder_.literal(meaning.json);
  return put ? ok() : fail(at(mark, put.error()));
}

Status Reader::end_document() {
  if (++documents_seen_ > limits_.documents)
    return fail(Code::kTooLarge, "{}: more than {} documents; split the file", source_, limits_.documents);
  std::string json = builder_.take();
  if (json != "null") documents_.push_back({std::move(json), line_.value_or(1)});
  line_.reset();
  return ok();
}

// libyaml compares each %TAG line with all before it, and would take a minute for a file full of them.
Status check_directives(std::string_view text, std::string_view source) {
  constexpr size_t kMost = 16;
  constexpr std::string_view kDirective = "%TAG";
  size_t seen = 0;
  for (size_t at = text.find(kDirective); at != std::string_view::npos; at = text.find(kDirective, at + 1)) {
    // A line begins after a break, and breaks that are not ASCII end in bytes that are not.
    const char before = at == 0 ? '\n' : text[at - 1];
    if (before == '\n' || before == '\r' || static_cast<unsigned char>(before) >= 0x80) ++seen;
  }
  if (seen <= kMost) return ok();
  return fail(Code::kTooLarge, "{}: has {} lines that begin with %TAG; tags are not read, remove them",
              source, seen);
}

}  // namespace

Result<std::vector<YamlDocument>> yaml_to_json(std::string_view text, std::string_view source,
                                               const YamlLimits& limits) {
  if (text.size() > limits.bytes)
    return fail(Code::kTooLarge, "{}: has {} bytes; at most {} are read", source, text.size(), limits.bytes);
  // What is JSON is read as JSON: libyaml refuses some of its escapes and long keys. Whatever is wrong with
  // it is told by the reader below, which knows lines.
  if (auto json = internal::read_json(text, limits)) return std::vector{YamlDocument{std::move(*json), 1}};
  if (auto few = check_directives(text, source); !few) return fail(few.error());
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return Reader(text, source, limits).run();
}

}  // namespace slipway::kube
