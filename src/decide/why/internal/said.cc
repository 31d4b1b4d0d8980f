#include "decide/why/internal/said.h"

#include <algorithm>
#include <charconv>

namespace slipway::why {
namespace {

constexpr std::string_view kLog = "; its last lines:\n";
constexpr std::string_view kServesOn = " serves on", kTriedOn = "; it is tried on";
constexpr std::string_view kGateway = "; gateway ";
constexpr std::string_view kSilent = " does not answer";

std::string_view without_serving(std::string_view message) {
  if (message.ends_with(kTriedOn)) message.remove_suffix(kTriedOn.size());
  if (!message.ends_with(kServesOn)) return message;
  const size_t at = message.rfind("; ");
  return at == std::string_view::npos ? message : message.substr(0, at);
}

struct Count {
  int ready = 0, wanted = 0;
  size_t begin = 0, end = 0;  // "1 of 2 … are ready"
};

// The first of the text: messages hold one.
std::optional<Count> count_in(std::string_view text) {
  const size_t end = std::min(text.find(" is ready"), text.find(" are ready"));
  if (end == std::string_view::npos) return std::nullopt;
  const size_t of = text.rfind(" of ", text.rfind(" replica", end));
  if (of == std::string_view::npos) return std::nullopt;
  size_t begin = of;
  while (begin > 0 && text[begin - 1] >= '0' && text[begin - 1] <= '9') --begin;
  Count out{.begin = begin, .end = text.find("ready", end) + 5};
  const auto ready = std::from_chars(text.data() + begin, text.data() + of, out.ready);
  const auto wanted = std::from_chars(text.data() + of + 4, text.data() + end, out.wanted);
  if (ready.ec != std::errc{} || wanted.ec != std::errc{}) return std::nullopt;
  return out;
}

}  // namespace

Said said(std::string_view message) {
  message = without_serving(message);
  Said out;
  const size_t log = message.find(kLog);
  if (log != std::string_view::npos) out.log = message.substr(log + kLog.size());
  message = message.substr(0, log);
  const size_t line = message.find('\n');
  out.text = message.substr(0, line);
  if (line != std::string_view::npos && out.log.empty()) out.log = message.substr(line + 1);
  while (out.log.ends_with('\n')) out.log.pop_back();
  return out;
}

std::string_view after_count(std::string_view text) {
  const auto count = count_in(text);
  if (!count || !text.substr(count->end).starts_with("; ")) return text;
  return text.substr(count->end + 2);
}

std::string without_count(std::string_view text) {
  const auto count = count_in(text);
  if (!count || !text.substr(0, count->begin).ends_with(": ")) return std::string(text);
  return std::string(text.substr(0, count->begin - 2));
}

std::string without_name(std::string_view text, std::string_view revision) {
  const bool named = text.starts_with(revision) && text.substr(revision.size()).starts_with(": ");
  return std::string(named ? text.substr(revision.size() + 2) : text);
}

std::string without_advice(std::string_view text) {
  for (const std::string_view advice : {"; if they know, ", "; ask for fewer ", "; push one: "})
    text = text.substr(0, text.find(advice));
  return std::string(text);
}

std::optional<bool> all_ready(std::string_view text) {
  const auto count = count_in(text);
  return count ? std::optional(count->ready >= count->wanted) : std::nullopt;
}

namespace {

struct Place {
  Reason reason;
  size_t at, behind;  // of the mark "; Hanging: "
};

std::optional<Place> quotation_in(std::string_view message) {
  std::optional<Place> out;
  for (const Reason reason : domain::all_reasons()) {
    const std::string mark = fmt::format("; {}: ", name(reason));
    const size_t at = message.find(mark);
    if (at != std::string_view::npos && (!out || at < out->at)) out = Place{reason, at, at + mark.size()};
  }
  return out;
}

}  // namespace

std::string without_quoted(std::string_view message) {
  const auto place = quotation_in(message);
  return std::string(place ? message.substr(0, place->at) : message);
}

std::optional<Quoted> quoted(std::string_view message) {
  message = without_serving(message);
  if (const auto place = quotation_in(message))
    return Quoted{place->reason, std::string(message.substr(place->behind))};
  const size_t gateway = message.find(kGateway);
  if (gateway == std::string_view::npos || message.find(kSilent, gateway) == std::string_view::npos)
    return std::nullopt;
  return Quoted{Reason::kGatewayUnreachable, std::string(message.substr(gateway + 2))};
}

}  // namespace slipway::why
