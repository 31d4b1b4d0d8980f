#include "system/kube/internal/event_stream.h"

#include <algorithm>
#include <array>

#include "values/json/scanner.h"

namespace slipway::kube::internal {
namespace {

using Type = WatchEvent::Type;

constexpr size_t kPiece = 64 << 10;
constexpr std::array<std::pair<std::string_view, Type>, 4> kTypes = {{{"ADDED", Type::kAdded},
                                                                      {"MODIFIED", Type::kModified},
                                                                      {"DELETED", Type::kDeleted},
                                                                      {"BOOKMARK", Type::kBookmark}}};

// Whether metadata.annotations says that the initial list is complete.
bool ends_initial_list(std::string_view object) {
  json::Scanner in(object);
  bool found = false;
  std::string_view value;
  const auto enter = [&in](std::string_view wanted, auto&& then) {
    if (in.peek() != json::Kind::kObject) {
      in.skip();
      return;
    }
    in.begin_object();
    for (std::string_view key; in.next_key(key);) key == wanted ? then() : static_cast<void>(in.skip());
  };
  enter("metadata", [&] {
    enter("annotations", [&] {
      enter("k8s.io/initial-events-end", [&] {
        found = in.peek() == json::Kind::kString ? in.read(value) && value == "true" : !in.skip();
      });
    });
  });
  return found;
}

}  // namespace

Reply<WatchEvent> read_event(std::string_view line) {
  json::Scanner in(line);
  std::string type;
  std::string_view key, text, raw;
  if (in.begin_object())
    while (in.next_key(key)) {
      if (key == "type" && in.read(text))
        type = text;
      else if (key == "object")
        in.raw(raw);
      else
        in.skip();
    }
  if (!in.finish())
    return refuse(
        Error{Code::kInvalid, fmt::format("the watch sent a line that is no event: {}", in.error().message)});
  if (type == "ERROR") return refuse(read_status(raw));
  const auto known =
      std::ranges::find(kTypes, std::string_view(type), [](const auto& row) { return row.first; });
  if (known == kTypes.end())
    return refuse(
        Error{Code::kInvalid, fmt::format("the watch sent an event of type '{}'", type.substr(0, 40))});
  auto object = read_object(raw);
  if (!object) return refuse(object.error());
  const bool end = known->second == Type::kBookmark && ends_initial_list(raw);
  return WatchEvent{known->second, std::move(*object), end};
}

Reply<void> EventStream::begin(const std::string& target) {
  held_.clear();
  used_ = searched_ = 0;
  complete_ = false;
  auto head = connection_.begin(Verb::kWatch, {.target = target, .headers = {}, .body = ""});
  if (!head) return refuse(head.error());
  return {};
}

Reply<std::optional<WatchEvent>> EventStream::next() {
  while (true) {
    const auto found = line();
    if (!found) return refuse(found.error());
    if (!*found) return std::nullopt;
    if ((*found)->find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto event = read_event(**found);
    if (!event) return refuse(event.error());
    return std::move(*event);
  }
}

Result<std::optional<std::string_view>> EventStream::line() {
  while (true) {
    const size_t end = held_.find('\n', searched_);
    if (end != std::string::npos) {
      const std::string_view found = std::string_view(held_).substr(used_, end - used_);
      used_ = searched_ = end + 1;
      return found;
    }
    if (complete_) {  // the last line may do without its end
      const std::string_view rest = std::string_view(held_).substr(std::exchange(used_, held_.size()));
      searched_ = used_;
      return rest.empty() ? std::nullopt : std::optional(rest);
    }
    held_.erase(0, std::exchange(used_, 0));
    searched_ = held_.size();
    if (held_.size() > line_bytes_)
      return fail(Code::kTooLarge, "the watch sent an event of more than {} bytes", line_bytes_);
    held_.resize(searched_ + kPiece);
    const auto got = connection_.read(std::span(held_).subspan(searched_));
    held_.resize(searched_ + (got ? *got : 0));
    if (!got) return fail(got.error());
    complete_ = *got == 0;
  }
}

}  // namespace slipway::kube::internal
