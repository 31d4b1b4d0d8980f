// A loaded tree model: what a file says (TreeFile), and the backend::Model that answers from it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/native/ensemble.h"
#include "adapters/native/link_functions.h"
#include "ports/backend/backend.h"

namespace slipway::native {

// What both readers give, after every check. `base` has one value for each group: where its sum starts.
template <class T>
struct TreeFile {
  std::string platform;
  std::string framework;
  std::vector<std::string> feature_names;  // empty, or one a feature
  Ensemble<T> ensemble{0, 0};
  std::vector<T> base;
  Link link = Link::kIdentity;
  double link_scale = 1;  // LightGBM's sigmoid
  double divide_by = 1;   // LightGBM's average_output: the number of iterations
};

// `input__0` [-1, features] and `output__0` [-1] or [-1, groups]: such files name no tensors.
template <class T>
tensor::Signature signature_of(const TreeFile<T>& file);

template <class T>
std::unique_ptr<backend::Model> make_model(TreeFile<T> file, backend::ModelInfo info);

}  // namespace slipway::native
