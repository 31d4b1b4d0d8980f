// `slipway predict`: rows from a file to a server, answers as a table.
#pragma once

#include "services/cli/command.h"
#include "services/cli/table.h"

namespace slipway::cli {

Command predict_command();

// An answer of the Open Inference Protocol, one line a row. kInvalid when it is none.
Result<Table> to_table(const std::string& answer_json);

}  // namespace slipway::cli
