// `slipway logs`: what replicas wrote, by the API.
#pragma once

#include <string>
#include <vector>

#include "services/cli/command.h"
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

// Which of the replicas are meant by --replica: a name, or an ordinal. kNotFound says what there is.
Result<std::vector<std::string>> chosen_replicas(std::vector<std::string> all, const std::string& wanted);

}  // namespace slipway::cli
