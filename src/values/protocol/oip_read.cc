#include <algorithm>
#include <limits>

#include "values/json/scanner.h"
#include "values/protocol/oip.h"

namespace slipway::protocol {
namespace {

using json::Kind;
using json::Scanner;
using tensor::DataType;
using tensor::Shape;
using tensor::Tensor;

constexpr json::Limits kJson{.depth = 32, .non_finite = json::NonFinite::kRead};

// --- one element ---

template <class T>
bool read_element(Scanner& in, T& out) {
  if constexpr (std::is_same_v<T, bool> || std::is_floating_point_v<T> ||
                std::is_same_v<T, std::string_view>) {
    return in.read(out);
  } else if constexpr (std::is_same_v<T, tensor::Half>) {
    return in.fault("FP16 does not travel as JSON numbers; send FP32");
  } else {
    using Wide = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;
    Wide wide = 0;
    if (!in.read(wide)) return false;
    if (wide < static_cast<Wide>(std::numeric_limits<T>::min()) ||
        wide > static_cast<Wide>(std::numeric_limits<T>::max()))
      return in.fault(fmt::format("{} is out of range for {}", wide, name(tensor::data_type_of<T>())));
    out = static_cast<T>(wide);
    return true;
  }
}

// --- one tensor's data ---

template <class T>
class DataReader {
 public:
  DataReader(Scanner& in, const Tensor& tensor)
      : in_(in), shape_(tensor.shape), values_(tensor.values<T>()) {}

  bool read() {
    if (!in_.begin_array()) return false;
    const bool nested = in_.peek() == Kind::kArray && shape_.rank() > 1;
    const bool filled = nested ? read_axis(0) : read_flat();
    if (filled && next_ != values_.size())
      return in_.fault(
          fmt::format("data has {} elements, shape {} needs {}", next_, shape_.str(), values_.size()));
    return filled;
  }

 private:
  bool read_flat() {
    for (;;) {
      read_run();
      if (!in_.next_element()) return in_.good();
      if (next_ == values_.size()) return too_many();
      if (!read_element(in_, values_[next_])) return false;
      ++next_;
    }
  }

  // The plain numbers that come next; whatever is not one is left to read_element().
  void read_run() {
    if constexpr (std::is_floating_point_v<T>) next_ += in_.read_run(values_.subspan(next_));
  }

  // The array of this axis is open. At most kMaxRank deep, so recursion is bounded.
  bool read_axis(size_t axis) {  // NOLINT(misc-no-recursion)
    int64_t length = 0;
    while (in_.next_element()) {
      if (length++ == shape_[axis]) return too_many();
      const bool innermost = axis + 1 == shape_.rank();
      if (innermost) {
        if (next_ == values_.size()) return too_many();
        if (!read_element(in_, values_[next_])) return false;
        ++next_;
      } else if (!in_.begin_array() || !read_axis(axis + 1)) {
        return false;
      }
    }
    if (in_.good() && length != shape_[axis])
      return in_.fault(
          fmt::format("a nested list has {} entries, shape {} needs {}", length, shape_.str(), shape_[axis]));
    return in_.good();
  }

  bool too_many() {
    return in_.fault(fmt::format("data has more elements than shape {} needs", shape_.str()));
  }

  Scanner& in_;
  const Shape& shape_;
  std::span<T> values_;
  size_t next_ = 0;
};

bool read_data(Scanner& in, const Tensor& tensor) {
  return tensor::with_type(tensor.type, [&]<class T>() { return DataReader<T>(in, tensor).read(); });
}

// --- one input ---

struct Input {
  std::string_view name;
  std::optional<DataType> type;
  std::optional<Shape> shape;
  std::optional<Tensor> tensor;
  std::string_view raw_data;  // data that came before its datatype and shape
};

bool read_shape(Scanner& in, std::optional<Shape>& out) {
  if (!in.begin_array()) return false;
  Shape shape;
  while (in.next_element()) {
    int64_t dim = 0;
    if (!in.read(dim)) return false;
    if (dim < 0) return in.fault("a dimension is negative");
    if (!shape.push_back(dim)) return in.fault(fmt::format("more than {} dimensions", tensor::kMaxRank));
  }
  out = shape;
  return in.good();
}

bool read_type(Scanner& in, std::optional<DataType>& out) {
  std::string_view text;
  if (!in.read(text)) return false;
  out = tensor::parse_data_type(text);
  return out.has_value() || in.fault(fmt::format("unknown datatype '{}'", text.substr(0, 20)));
}

class RequestReader {
 public:
  RequestReader(std::string_view body, const tensor::Signature& signature, base::Arena& arena,
                const OipLimits& limits)
      : body_(body), in_(body, kJson, &arena), signature_(signature), arena_(arena), limits_(limits) {}

  Result<OipRequest> read() {
    seen_ = arena_.make<bool>(signature_.inputs.size());
    request_.inputs = arena_.make<Tensor>(signature_.inputs.size());
    wanted_ = arena_.make<size_t>(signature_.outputs.size());
    if (seen_.data() == nullptr || request_.inputs.data() == nullptr || wanted_.data() == nullptr)
      return out_of_memory();
    if (in_.begin_object())
      for (std::string_view key; in_.next_key(key);)
        if (!read_member(key)) break;
    if (!in_.finish()) return fail(error_.value_or(in_.error()));
    if (Status complete = check_complete(); !complete) return fail(complete.error());
    if (!outputs_named_) {
      for (size_t i = 0; i < wanted_.size(); ++i) wanted_[i] = i;
      wanted_count_ = wanted_.size();
    }
    request_.outputs = wanted_.first(wanted_count_);
    return request_;
  }

 private:
  static tl::unexpected<Error> out_of_memory() {
    return fail(Code::kExhausted, "no memory left for the request's tensors; try again later");
  }

  bool read_member(std::string_view key) {
    if (key == "inputs") return read_inputs();
    if (key == "outputs") return read_outputs();
    if (key == "id") return in_.peek() == Kind::kNull ? in_.read_null() : in_.read(request_.id);
    return in_.skip();
  }

  bool read_inputs() {
    if (inputs_given_ > 0) return in_.fault("'inputs' stands there twice");
    if (!in_.begin_array()) return false;
    while (in_.next_element()) {
      if (++inputs_given_ > limits_.tensors) return in_.fault("too many inputs");
      if (!read_input()) return false;
    }
    return in_.good();
  }

  bool read_input() {
    Input input;
    if (!in_.begin_object()) return false;
    for (std::string_view key; in_.next_key(key);)
      if (!read_input_member(key, input)) return name_the_input(input);
    if (!in_.good()) return false;
    if (!finish_input(input)) return name_the_input(input);
    return true;
  }

  bool read_input_member(std::string_view key, Input& input) {
    if (key == "name") return in_.read(input.name);
    // Nothing that a tensor was made from may change after it.
    if (key == "datatype") return input.type ? in_.fault("has two datatypes") : read_type(in_, input.type);
    if (key == "shape") return input.shape ? in_.fault("has two shapes") : read_shape(in_, input.shape);
    if (key == "parameters") return read_parameters();
    if (key != "data") return in_.skip();
    if (input.tensor || !input.raw_data.empty()) return in_.fault("has 'data' twice");
    if (!input.type || !input.shape) return in_.raw(input.raw_data);
    return make_room(input, body_.size() - in_.offset()) && read_data(in_, *input.tensor);
  }

  // Room for the tensor, once the text that is left could hold its elements: an element takes a byte and a
  // comma at least, so a shape cannot make us reserve what its sender did not send.
  bool make_room(Input& input, size_t text_left) {
    const auto count = input.shape->elements();
    if (!count || *count > limits_.elements || *count > text_left / 2 + 1)
      return in_.fault(fmt::format("shape {} needs more elements than data holds", input.shape->str()));
    auto tensor = tensor::make_tensor(*input.type, *input.shape, arena_);
    if (!tensor) {
      error_ = tensor.error();
      return in_.fault(tensor.error().message);
    }
    input.tensor = *tensor;
    return true;
  }

  bool read_parameters() {
    if (in_.peek() != Kind::kObject) return in_.skip();
    if (!in_.begin_object()) return false;
    for (std::string_view key; in_.next_key(key);) {
      if (key == "binary_data_size") return in_.fault("binary tensors are not served; send the data as JSON");
      if (!in_.skip()) return false;
    }
    return in_.good();
  }

  bool finish_input(Input& input) {
    if (input.name.empty() || input.name.size() > limits_.name_bytes)
      return in_.fault("an input has no 'name'");
    if (!input.type) return in_.fault("has no 'datatype'");
    if (!input.shape) return in_.fault("has no 'shape'");
    if (!input.tensor && !input.raw_data.empty()) {
      Scanner later(input.raw_data, kJson, &arena_);
      if (!make_room(input, input.raw_data.size())) return false;
      if (!read_data(later, *input.tensor)) return in_.fault(later.error().message);
    }
    if (!input.tensor) return in_.fault("has no 'data'");
    return place(input);
  }

  // A lone input of a model whose file names no tensors may carry any name; whether it is alone is known only
  // at the end.
  bool place(const Input& input) {
    const auto at = tensor::find_spec(signature_.inputs, input.name, 1);
    if (!at) return in_.fault(fmt::format("the model has no such input; it takes {}", input_names()));
    if (seen_[*at]) return in_.fault("stands there twice");
    const Status fits = tensor::check(signature_.inputs[*at], *input.type, *input.shape);
    if (!fits) {
      error_ = fits.error();
      return in_.fault(fits.error().message);
    }
    seen_[*at] = true;
    request_.inputs[*at] = *input.tensor;
    return true;
  }

  // "at byte 17: …" becomes "input 'x': at byte 17: …".
  bool name_the_input(const Input& input) {
    if (!error_ && !input.name.empty())
      error_ = base::within(fmt::format("input '{}'", input.name.substr(0, 80)), in_.error());
    return false;
  }

  bool read_outputs() {
    if (outputs_named_) return in_.fault("'outputs' stands there twice");
    if (!in_.begin_array()) return false;
    while (in_.next_element()) {
      outputs_named_ = true;
      std::string_view name;
      if (!in_.begin_object()) return false;
      for (std::string_view key; in_.next_key(key);)
        if (!(key == "name" ? in_.read(name) : in_.skip())) return false;
      if (!in_.good() || !want(name)) return false;
    }
    return in_.good();
  }

  bool want(std::string_view name) {
    const auto at = tensor::find_spec(signature_.outputs, name, 2);
    if (!at)
      return in_.fault(
          fmt::format("the model has no output '{}'; it gives {}", name.substr(0, 80), output_names()));
    const auto chosen = wanted_.first(wanted_count_);
    if (std::ranges::find(chosen, *at) != chosen.end())
      return in_.fault(fmt::format("output '{}' is asked for twice", name));
    wanted_[wanted_count_++] = *at;
    return true;
  }

  Status check_complete() const {
    for (size_t i = 0; i < seen_.size(); ++i)
      if (!seen_[i])
        return fail(Code::kInvalid, "input '{}' is missing; the model takes {}", signature_.inputs[i].name,
                    input_names());
    return ok();
  }

  static std::string names(const std::vector<tensor::TensorSpec>& specs) {
    std::string out;
    for (const auto& spec : specs)
      out +=
          fmt::format("{}'{}' {} {}", out.empty() ? "" : ", ", spec.name, name(spec.type), spec.shape.str());
    return out;
  }
  std::string input_names() const { return names(signature_.inputs); }
  std::string output_names() const { return names(signature_.outputs); }

  const std::string_view body_;
  Scanner in_;
  const tensor::Signature& signature_;
  base::Arena& arena_;
  const OipLimits& limits_;
  OipRequest request_;
  std::span<bool> seen_;
  std::span<size_t> wanted_;
  size_t wanted_count_ = 0, inputs_given_ = 0;
  bool outputs_named_ = false;
  std::optional<Error> error_;
};

}  // namespace

Result<OipRequest> parse_oip_request(std::string_view body, const tensor::Signature& signature,
                                     base::Arena& arena, const OipLimits& limits) {
  return RequestReader(body, signature, arena, limits).read();
}

}  // namespace slipway::protocol
