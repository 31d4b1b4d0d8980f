#include "tally.h"

#include <fmt/format.h>

#include <algorithm>

#include "values/json/writer.h"

namespace slipway::load {
namespace {

constexpr size_t kFailuresKept = 200;

double seconds(Time at) { return std::chrono::duration<double>(at.time_since_epoch()).count(); }

}  // namespace

void Tally::allow(std::vector<std::string> revisions) { eras_.push_back(std::move(revisions)); }

bool Tally::allowed(std::string_view revision, size_t since) const {
  return std::any_of(eras_.begin() + static_cast<ptrdiff_t>(since), eras_.end(), [&](const auto& era) {
    const auto named = [&](const std::string& beginning) { return revision.starts_with(beginning); };
    return era.empty() || std::any_of(era.begin(), era.end(), named);
  });
}

void Tally::answered(const Sent& request, const Answer& answer, Time now) {
  if (answer.status != 200)
    return failed(fmt::format("status {}", answer.status),
                  fmt::format("{} {}", answer.refused, answer.body.substr(0, 200)), now);
  const std::string revision(answer.revision.substr(0, answer.revision.find(';')));
  if (revision.empty()) return failed("unnamed", std::string(answer.revision), now);
  if (!allowed(revision, request.era)) return failed("revision", revision, now);
  Seen& seen = revisions_[revision];
  if (seen.answers++ == 0) {
    seen.header = answer.revision;
    seen.body = answer.body;
  } else if (seen.header != answer.revision || seen.body != answer.body) {
    return failed("body", fmt::format("{} {}", answer.revision, answer.body.substr(0, 200)), now);
  }
  ++answered_;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - request.due).count();
  const auto us = static_cast<uint32_t>(std::clamp<int64_t>(took, 0, UINT32_MAX));
  longest_ = std::max(longest_, us);
  ++latencies_[std::min<size_t>(us, latencies_.size() - 1)];
}

void Tally::failed(std::string_view kind, std::string detail, Time now) {
  ++failed_;
  ++kinds_[std::string(kind)];
  if (failures_.size() < kFailuresKept)
    failures_.push_back({.kind = std::string(kind), .detail = std::move(detail), .at = now});
}

uint32_t Tally::latency_at(double part) const {
  auto left = static_cast<uint64_t>(part * static_cast<double>(answered_));
  for (size_t us = 0; us < latencies_.size(); ++us) {
    if (latencies_[us] > left) return static_cast<uint32_t>(us);
    left -= latencies_[us];
  }
  return longest_;
}

std::string Tally::report() const {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.key("sent").value(sent_).key("answered").value(answered_).key("failed").value(failed_);
  out.key("kinds").begin_object();
  for (const auto& [kind, count] : kinds_) out.key(kind).value(count);
  out.end_object();
  out.key("failures").begin_array();
  for (const Failure& each : failures_)
    out.begin_object()
        .key("at")
        .value(seconds(each.at))
        .key("kind")
        .value(each.kind)
        .key("detail")
        .value(each.detail)
        .end_object();
  out.end_array();
  out.key("revisions").begin_object();
  for (const auto& [name, seen] : revisions_)
    out.key(name)
        .begin_object()
        .key("answers")
        .value(seen.answers)
        .key("header")
        .value(seen.header)
        .key("body")
        .value(seen.body)
        .end_object();
  out.end_object();
  out.key("p50_us")
      .value(latency_at(0.5))
      .key("p99_us")
      .value(latency_at(0.99))
      .key("max_us")
      .value(longest_);
  out.end_object();
  return text;
}

}  // namespace slipway::load
