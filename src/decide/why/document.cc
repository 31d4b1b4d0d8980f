// Events from JSON, answers to JSON.
#include <nlohmann/json.hpp>

#include "decide/why/why.h"

namespace slipway::why {
namespace {

using json::Document;
using json::member;
using json::text_of;

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string first_of(const Document& content, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (std::string text = text_of(content, name); !text.empty()) return text;
  return {};
}

Document to_document(const Evidence& evidence) {
  Document out{{"object", evidence.object}, {"where", evidence.where}, {"says", evidence.says}};
  if (!evidence.time.empty()) out["time"] = evidence.time;
  if (evidence.count > 1) out["count"] = evidence.count;
  return out;
}

Document to_document(const Cause& cause) {
  Document out{{"reason", std::string(domain::name(cause.reason))},
               {"finding", cause.finding},
               {"evidence", Document::array()}};
  for (const Evidence& evidence : cause.evidence) out["evidence"].push_back(to_document(evidence));
  if (!cause.next.empty()) out["next"] = cause.next;
  if (!cause.hint.empty()) out["hint"] = cause.hint;
  return out;
}

}  // namespace

Result<Event> parse_event(const domain::Object& object) {
  const auto content = json::parse_document(object.content);
  if (!content) return fail(base::within(object.key.str(), content.error()));
  const Document& about = member(*content, "involvedObject");
  Event out{.object = fmt::format("{}/{}", lower(text_of(about, "kind")), text_of(about, "name")),
            .reason = text_of(*content, "reason"),
            .message = text_of(*content, "message"),
            .warning = text_of(*content, "type") == "Warning",
            .first = first_of(*content, {"firstTimestamp", "eventTime"}),
            .last = first_of(*content, {"lastTimestamp", "eventTime"}),
            .version = object.meta.resource_version};
  if (out.reason.empty() || out.object.size() < 2 || out.object.ends_with('/'))
    return fail(Code::kInvalid, "{}: an Event has a reason and an involvedObject", object.key.str());
  if (out.first.empty()) out.first = object.meta.created;
  if (out.last.empty()) out.last = out.first;
  if (const Document& count = member(*content, "count"); count.is_number_integer())
    out.count = std::max<int64_t>(1, count.get<int64_t>());
  return out;
}

Document to_document(const Answer& answer) {
  Document out{{"verdict", std::string(name(answer.verdict))},
               {"summary", answer.summary},
               {"causes", Document::array()}};
  for (const Cause& cause : answer.causes) out["causes"].push_back(to_document(cause));
  if (answer.decided) out["decided"] = to_document(*answer.decided);
  return out;
}

}  // namespace slipway::why
