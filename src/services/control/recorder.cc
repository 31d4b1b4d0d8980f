#include "services/control/recorder.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "values/base/digest.h"

namespace slipway::control {
namespace {

constexpr const char* kComponent = "slipway-control";
constexpr size_t kMessageBytes = 1000;  // the definition of Event takes 1,024
constexpr size_t kSaidOfOne = 100;      // different ones, of an object

std::string seconds(WallTime time) { return base::rfc3339(time).substr(0, 19) + "Z"; }

// Cut where a character begins.
std::string cut(const std::string& text) {
  if (text.size() <= kMessageBytes) return text;
  size_t end = kMessageBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

}  // namespace

Recorder::Recorder(Options options, store::Store& store, telemetry::Registry& metrics)
    : options_(options),
      store_(store),
      written_(metrics.counter("slipway_control_events", "Events that were written.")),
      dropped_(
          metrics.counter("slipway_control_events_dropped", "Events that were too many, or not taken.")) {}

bool Recorder::may_speak(Known& known, WallTime now) const {
  if (known.filled == WallTime{})
    known = {.tokens = static_cast<double>(options_.burst), .filled = now, .said = {}};
  const auto passed = std::max(Duration{0}, now - known.filled);
  known.tokens = std::min(
      static_cast<double>(options_.burst),
      known.tokens + static_cast<double>(passed.count()) / static_cast<double>(options_.refill.count()));
  known.filled = now;
  if (known.tokens < 1) return false;
  known.tokens -= 1;
  return true;
}

std::function<void()> Recorder::record(const domain::Object& about, const rollout::Note& note, WallTime now) {
  if (known_.size() >= options_.objects && !known_.contains(about.key)) make_room();
  Known& known = known_[about.key];
  known.last = now;
  if (!may_speak(known, now)) {
    dropped_.add();
    return nullptr;
  }
  const std::string what = fmt::format("{}\n{}", domain::name(note.reason), note.message);
  if (known.said.size() >= kSaidOfOne && !known.said.contains(what)) known.said.erase(known.said.begin());
  Said& said = known.said[what];
  if (said.count == 0) {
    // The same after a restart, so that it counts up there too.
    said.name = fmt::format("{}.{}", about.key.name, base::sha256(about.meta.uid + "\n" + what).short_hex());
    said.first = seconds(now);
  }
  ++said.count;
  return [this, event = event_of(about, note, said, now), count = said.count] { write(event, count); };
}

domain::Object Recorder::event_of(const domain::Object& about, const rollout::Note& note, const Said& said,
                                  WallTime now) {
  const domain::KindInfo& kind = domain::info(about.key.kind);
  const json::Document content{{"involvedObject",
                                {{"apiVersion", domain::api_version(about.key.kind)},
                                 {"kind", std::string(kind.name)},
                                 {"name", about.key.name},
                                 {"namespace", about.key.space},
                                 {"uid", about.meta.uid}}},
                               {"reason", std::string(domain::name(note.reason))},
                               {"message", cut(note.message)},
                               {"type", note.tone == rollout::Tone::kWarning ? "Warning" : "Normal"},
                               {"source", {{"component", kComponent}}},
                               {"reportingComponent", kComponent},
                               {"firstTimestamp", said.first},
                               {"lastTimestamp", seconds(now)},
                               {"count", said.count}};
  domain::Object event{.key = {domain::Kind::kEvent, about.key.space, said.name},
                       .meta = {},
                       .content = json::canonical(content),
                       .status = {}};
  event.meta.created = seconds(now);
  return event;
}

void Recorder::write(const domain::Object& event, int count) {
  const domain::Cause cause{.actor = {"control/recorder"}, .reason = "Decided", .request_id = {}};
  // One that was there before this process, or that went meanwhile, is met by the other call.
  auto done = count > 1 ? store_.update(event, {}, cause) : store_.create(event, cause);
  if (!done && done.error().code == Code::kConflict) done = store_.update(event, {}, cause);
  if (!done && done.error().code == Code::kNotFound) done = store_.create(event, cause);
  (done ? written_ : dropped_).add();
}

void Recorder::make_room() {
  const auto oldest = std::min_element(known_.begin(), known_.end(), [](const auto& a, const auto& b) {
    return a.second.last < b.second.last;
  });
  if (oldest != known_.end()) known_.erase(oldest);
}

}  // namespace slipway::control
