// From what people have (CSV, lists of rows, lists of objects) to an Open Inference Protocol request, guided
// by the model's metadata. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "values/base/result.h"

namespace slipway::cli {

// A column of the model's inputs: where a value goes.
struct InputColumn {
  std::string name;      // of the feature or input; may be empty
  std::string datatype;  // "FP32"
};

// Of one row. The server says how many there are, and is not believed beyond this.
inline constexpr size_t kMaxColumns = 65'536;

struct ModelInputs {
  struct Input {
    std::string name, datatype;
    std::vector<int64_t> shape;         // -1: any
    std::vector<std::string> features;  // names of the columns, where the model knows them
  };
  std::vector<Input> inputs;

  // The columns of one row, in order. kInvalid when rows of columns do not describe this model (images,
  // say), kTooLarge past kMaxColumns.
  Result<std::vector<InputColumn>> columns() const;
};

Result<ModelInputs> parse_model_inputs(const std::string& metadata_json);

// The body to send. `text` is CSV with or without a header, or JSON: a whole request (sent as it is), a row,
// a list of rows, a list of objects by column name, or {"instances": …}. Empty fields and null are missing
// values.
Result<std::string> to_request(const std::string& text, const ModelInputs& model);

}  // namespace slipway::cli
