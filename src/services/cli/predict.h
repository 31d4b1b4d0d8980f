// `slipway predict`: rows from a file to a server, answers as a table.
#pragma once

#include "services/cli/command.h"
#include "services/cli/table.h"

namespace slipway::cli {

Command predict_command();

// The server's URL of a deployment's status.url: http://127.0.0.1:8080 of
// http://127.0.0.1:8080/v2/models/credit.
std::string gateway_url(const std::string& model_url);

// An answer of the Open Inference Protocol, one line a row. kInvalid when it is none.
Result<Table> to_table(const std::string& answer_json);

}  // namespace slipway::cli
