// A model of tests/data/zoo with its inputs and the framework's own answers, for the tests of every backend.
#pragma once

#include <string>
#include <vector>

#include "ports/backend/backend.h"
#include "values/base/arena.h"

namespace slipway::backend::testing {

struct Golden {
  base::Arena arena;
  std::vector<tensor::NamedTensor> inputs;
  std::vector<tensor::NamedTensor> outputs;
  size_t rows = 0;
  bool bits = false;  // must be equal bit for bit (any NaN equals any NaN); else within the tolerances
  double rtol = 0, atol = 0;
  bool one_row_a_call = false;
  int64_t fixed_rows = 0;
};

// `folder` is one of tests/data/zoo. Fails the test and returns what it has when the files are not as
// expected.
void read_golden(const std::string& folder, Golden& out);

// Rows [first, first + count) of a tensor whose first axis is rows.
tensor::Tensor rows_of(const tensor::Tensor& all, size_t first, size_t count);

// Runs every row alone and all rows together and compares. The signature's names are used when the file names
// tensors.
void expect_golden(const Model& model, const Golden& golden);

}  // namespace slipway::backend::testing
