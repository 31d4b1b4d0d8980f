#include "values/domain/observed.h"

#include "values/json/scanner.h"
#include "values/json/writer.h"

namespace slipway::domain {
namespace {

using json::Scanner;
using json::Writer;

constexpr size_t kMaxRevisions = 10'000;

bool read_text(Scanner& in, std::string& out) {
  std::string_view text;
  if (!in.read(text)) return false;
  out = text;
  return true;
}

bool read_state(Scanner& in, RevisionState& out) {
  std::string_view text;
  if (!in.read(text)) return false;
  for (RevisionState state : {RevisionState::kLoading, RevisionState::kReady, RevisionState::kDraining})
    if (name(state) == text) {
      out = state;
      return true;
    }
  return in.fault("unknown state");
}

bool read_revision(Scanner& in, ObservedRevision& out) {
  if (!in.begin_object()) return false;
  for (std::string_view key; in.next_key(key);) {
    const bool read = key == "revision"  ? read_text(in, out.revision)
                      : key == "model"   ? read_text(in, out.model)
                      : key == "version" ? in.read(out.version)
                      : key == "digest"  ? read_text(in, out.digest)
                      : key == "state"   ? read_state(in, out.state)
                                         : in.skip();
    if (!read) return false;
  }
  return in.good();
}

bool read_revisions(Scanner& in, std::vector<ObservedRevision>& out) {
  if (!in.begin_array()) return false;
  while (in.next_element()) {
    if (out.size() == kMaxRevisions) return in.fault("too many revisions");
    if (!read_revision(in, out.emplace_back())) return false;
  }
  return in.good();
}

bool read_row(Scanner& in, GatewayRow& out) {
  int64_t weight = 0, endpoints = 0;
  if (!in.begin_object()) return false;
  for (std::string_view key; in.next_key(key);) {
    const bool read = key == "deployment"    ? read_text(in, out.deployment)
                      : key == "revision"    ? read_text(in, out.revision)
                      : key == "weight"      ? in.read(weight)
                      : key == "endpoints"   ? in.read(endpoints)
                      : key == "inFlight"    ? in.read(out.in_flight)
                      : key == "idleSeconds" ? in.read(out.idle_seconds)
                                             : in.skip();
    if (!read) return false;
  }
  if (weight < 0 || weight > 100 || endpoints < 0 || endpoints > 1'000'000) return in.fault("out of range");
  out.weight = static_cast<int>(weight);
  out.endpoints = static_cast<int>(endpoints);
  return in.good();
}

bool read_rows(Scanner& in, std::vector<GatewayRow>& out) {
  if (!in.begin_array()) return false;
  while (in.next_element()) {
    if (out.size() == kMaxRevisions) return in.fault("too many rows");
    if (!read_row(in, out.emplace_back())) return false;
  }
  return in.good();
}

}  // namespace

std::string revision_name(std::string_view model, int64_t version, const Digest& digest) {
  return fmt::format("{}-{}-{}", model, version, digest.short_hex());
}

std::string_view name(RevisionState state) {
  switch (state) {
    case RevisionState::kLoading:
      return "Loading";
    case RevisionState::kReady:
      return "Ready";
    case RevisionState::kDraining:
      return "Draining";
  }
  return "Loading";
}

std::string to_json(const Observed& observed) {
  std::string out;
  Writer(out).object([&](Writer& w) {
    w.key("inFlight").value(observed.in_flight).key("arrivals").value(observed.arrivals);
    w.key("queued").value(observed.queued).key("idleSeconds").value(observed.idle_seconds);
    w.key("revisions").begin_array();
    for (const ObservedRevision& revision : observed.revisions)
      w.object([&](Writer& r) {
        r.key("revision").value(revision.revision).key("model").value(revision.model);
        r.key("version").value(revision.version).key("digest").value(revision.digest);
        r.key("state").value(name(revision.state));
      });
    w.end_array();
  });
  return out;
}

Result<Observed> parse_observed(std::string_view text) {
  Scanner in(text);
  Observed out;
  if (in.begin_object())
    for (std::string_view key; in.next_key(key);) {
      const bool read = key == "inFlight"      ? in.read(out.in_flight)
                        : key == "arrivals"    ? in.read(out.arrivals)
                        : key == "queued"      ? in.read(out.queued)
                        : key == "idleSeconds" ? in.read(out.idle_seconds)
                        : key == "revisions"   ? read_revisions(in, out.revisions)
                                               : in.skip();
      if (!read) break;
    }
  if (!in.finish()) return fail(base::within("observed", in.error()));
  return out;
}

std::string to_json(const GatewayObserved& observed) {
  std::string out;
  Writer(out).object([&](Writer& w) {
    w.key("rows").begin_array();
    for (const GatewayRow& row : observed.rows)
      w.object([&](Writer& r) {
        r.key("deployment").value(row.deployment).key("revision").value(row.revision);
        r.key("weight").value(row.weight).key("endpoints").value(row.endpoints);
        r.key("inFlight").value(row.in_flight).key("idleSeconds").value(row.idle_seconds);
      });
    w.end_array();
  });
  return out;
}

Result<GatewayObserved> parse_gateway_observed(std::string_view text) {
  Scanner in(text);
  GatewayObserved out;
  if (in.begin_object())
    for (std::string_view key; in.next_key(key);)
      if (!(key == "rows" ? read_rows(in, out.rows) : in.skip())) break;
  if (!in.finish()) return fail(base::within("observed", in.error()));
  return out;
}

}  // namespace slipway::domain
