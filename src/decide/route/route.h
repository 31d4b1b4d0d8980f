// The route table, as a pure function of what a gateway knows.
//
// Weights come from a deployment's status, where all of them change at once; endpoints from the slices of its
// revisions. The order in which the two arrive cannot matter: a revision without a ready endpoint has share
// 0, and what it would have had goes to the others in proportion. A status without any weight says nothing,
// and what was known before stays.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "values/domain/endpoint_slice.h"
#include "values/domain/model_deployment.h"

namespace slipway::route {

struct Revision {
  std::string name;
  int64_t version = 1;
  std::string digest;
  int weight = 0;    // percent, as the status says
  double share = 0;  // of the requests that name no revision; all sum to 1, or to 0 when nothing is ready
  std::vector<domain::Endpoint> endpoints;  // ready ones, by replica; where none is, those that end

  bool operator==(const Revision&) const = default;
};

struct Row {
  std::string deployment;
  std::vector<Revision> revisions;  // by name
  Duration timeout{0};              // of a request; 0: the gateway's own
  int64_t queue = 0;                // requests that may wait; 0: the gateway's own
  domain::Fault refusal;            // what to say when nothing is ready

  bool operator==(const Row&) const = default;
  const Revision* find(std::string_view revision) const;
  // The one that serves that version: with most weight, if several do.
  const Revision* find_version(int64_t version) const;
  bool is_ready() const;  // some revision has a share
};

using RowPtr = std::shared_ptr<const Row>;
using Slices = std::multimap<std::string, domain::EndpointSlice, std::less<>>;  // by revision

// `before`: the row until now, or null.
Row make_row(const domain::ModelDeployment& deployment, const Slices& slices, const Row* before);

// Immutable once published. A change copies pointers, and rebuilds one row.
struct Table {
  std::map<std::string, RowPtr, std::less<>> rows;  // by deployment

  const Row* find(std::string_view deployment) const;
};

}  // namespace slipway::route
