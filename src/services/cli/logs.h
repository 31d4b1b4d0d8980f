// `slipway logs`: what replicas wrote, by the API.
#pragma once

#include <string>
#include <vector>

#include "services/cli/command.h"
#include "services/cli/pods.h"
#include "values/base/result.h"

namespace slipway::cli {

Command logs_command();

// Lines of several replicas on one output, each line whole and marked with who wrote it. Pure.
class LineMarker {
 public:
  // `mark` empty: the text goes through as it comes.
  explicit LineMarker(std::string mark) : mark_(std::move(mark)) {}

  // What can be printed now; a line that has no end yet is kept.
  std::string take(std::string_view piece);
  std::string rest();

 private:
  const std::string mark_;
  std::string part_;
};

// One log: a replica's, or on a cluster that of one of its pod's containers.
struct LogSource {
  std::string pod, container;  // container empty: there is only one

  bool operator==(const LogSource&) const = default;
  std::string str() const;  // as lines are marked
};

// The server's log, but the fetching's as long as that has not done its work. Pure.
LogSource source_of(const PodSeen& pod);

// Which are meant by --replica: a name, or an ordinal. kNotFound says what there is. Pure.
Result<std::vector<LogSource>> chosen_sources(std::vector<LogSource> all, const std::string& wanted);

}  // namespace slipway::cli
