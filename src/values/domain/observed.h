// What servers and gateways say of themselves at /observed: load and knowledge flow up by being offered,
// nobody is called.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "values/base/digest.h"
#include "values/base/result.h"

namespace slipway::domain {

// `<model>-<version>-<first 8 hex digits of what runs>`: the name of what a bare server runs.
std::string revision_name(std::string_view model, int64_t version, const Digest& digest);

// Loading: read and checked, not warmed. Ready: answers. Draining: answers, and wants no new requests.
enum class RevisionState : uint8_t { kLoading, kReady, kDraining };
std::string_view name(RevisionState state);

struct ObservedRevision {
  std::string revision, model;
  int64_t version = 1;
  std::string digest;
  RevisionState state = RevisionState::kLoading;

  bool operator==(const ObservedRevision&) const = default;
};

struct Observed {
  int64_t in_flight = 0;    // requests that have arrived and are not answered
  int64_t arrivals = 0;     // since the start
  int64_t queued = 0;       // waiting for a worker
  double idle_seconds = 0;  // since the last arrival; 0 while any is in flight
  std::vector<ObservedRevision> revisions;

  bool operator==(const Observed&) const = default;
};

// A gateway's row: how it treats a revision now.
struct GatewayRow {
  std::string deployment, revision;
  int weight = 0;           // percent, as the status that it has taken in says
  int endpoints = 0;        // ready replicas that it would send to
  int64_t in_flight = 0;    // requests that wait for an answer
  double idle_seconds = 0;  // since the last request went to it; 0 while any is in flight

  bool operator==(const GatewayRow&) const = default;
};

struct GatewayObserved {
  std::vector<GatewayRow> rows;  // by deployment, then revision

  bool operator==(const GatewayObserved&) const = default;
};

std::string to_json(const GatewayObserved& observed);
Result<GatewayObserved> parse_gateway_observed(std::string_view json);

std::string to_json(const Observed& observed);
Result<Observed> parse_observed(std::string_view json);

}  // namespace slipway::domain
