#include "adapters/onnx/model_proto.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "adapters/onnx/internal/constant_nodes.h"
#include "adapters/onnx/internal/tensor_proto.h"
#include "values/base/checked.h"
#include "values/wire/wire.h"

namespace slipway::onnx {
namespace {

using wire::Reader;
using wire::Type;

// What the runtime's structures take at most, measured on files that hold nothing else.
constexpr uint64_t kPerNode = 3000;
constexpr uint64_t kPerAttribute = 250;
constexpr uint64_t kPerTensor = 700;
constexpr uint64_t kPerValue = 400;
constexpr uint64_t kPerString = 110;

constexpr size_t kFunctionDepth = 64;

// Each of them looks at all rows together: quantisation ranges, or which rows are kept.
constexpr std::array<std::string_view, 6> kMixRows = {
    "DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM", "NonZero", "Unique", "Compress"};

std::string printable(std::string_view name) {
  std::string out(name.substr(0, 80));
  for (char& c : out) c = c < 0x20 || c > 0x7E ? '?' : c;
  return out;
}

// A model's local function: its own nodes, and the functions that they call.
struct Function {
  uint64_t nodes = 0;
  std::vector<std::string> calls;
  enum class State : uint8_t { kNew, kOpen, kDone } state = State::kNew;
  uint64_t written_out = 0;
};

class Walk {
 public:
  Walk(std::string_view bytes, const ProtoLimits& limits) : bytes_(bytes), limits_(limits) {}

  Result<ModelFacts> run();

 private:
  Status model();
  Status part(Reader& in);
  Status graph(Reader in, size_t depth);
  Status value(Reader in);
  Status node(Reader in, size_t depth);
  Status attribute(Reader in, size_t depth);
  Status tensor(Reader in);
  Status sparse(Reader in);
  Status function(Reader in);
  Status operator_set(Reader in);
  Status charge(uint64_t bytes);
  Result<uint64_t> written_out(const std::string& name, size_t depth);
  Status check_whole();

  const std::string_view bytes_;
  const ProtoLimits limits_;
  ModelFacts facts_;
  uint64_t charged_ = 0;
  bool has_graph_ = false;
  std::map<std::string, Function> functions_;
  Function main_;
  Function* here_ = &main_;
  ConstantNodes constants_;
};

Status done(const Reader& in) {
  if (in.good()) return ok();
  return fail(in.error());
}

Status Walk::charge(uint64_t bytes) {
  charged_ += bytes;
  const uint64_t allowed = limits_.memory + limits_.memory_per_byte * bytes_.size();
  if (charged_ <= allowed) return ok();
  return fail(Code::kTooLarge, "would unfold into more than {} bytes of memory from {} bytes of file",
              allowed, bytes_.size());
}

Status Walk::tensor(Reader in) {
  TensorClaim claim;
  const size_t at = in.offset();
  if (!read_tensor(in, claim)) return done(in);
  if (auto fits = check_claim(claim); !fits) {
    return fail(Code::kInvalid, "at byte {}: {}", at, printable(fits.error().message));
  }
  constants_.add_constant(claim.name);
  if (auto paid = charge(kPerTensor + claim.strings * kPerString); !paid) return paid;
  if (!claim.external) return ok();
  auto external = external_data(claim);
  if (!external) return fail(external.error());
  facts_.external.push_back(std::move(*external));
  return ok();
}

// A few values that the runtime spreads into a dense tensor when it loads.
Status Walk::sparse(Reader in) {
  TensorClaim values;
  TensorClaim dense;
  while (in.next()) {
    Reader inner = in.nested();
    if (in.is(1, Type::kBytes) && !read_tensor(inner, values)) return done(inner);
    if (in.field() != 3) continue;
    dense.elements = in.type() == Type::kVarint
                         ? base::checked_mul(dense.elements, in.number()).value_or(UINT64_MAX)
                         : UINT64_MAX;
  }
  if (!in.good()) return done(in);
  const uint64_t bytes = dense_bytes(values.data_type, dense.elements);
  return charge(std::min(bytes, uint64_t{1} << 60));
}

Status Walk::attribute(Reader in, size_t depth) {
  if (auto paid = charge(kPerAttribute); !paid) return paid;
  while (in.next()) {
    Status read = ok();
    const bool nested = in.type() == Type::kBytes;
    if (nested && (in.field() == 5 || in.field() == 10)) read = tensor(in.nested());
    if (nested && (in.field() == 6 || in.field() == 11)) read = graph(in.nested(), depth + 1);
    if (nested && in.field() == 9) read = charge(kPerString);
    if (nested && (in.field() == 22 || in.field() == 23)) read = sparse(in.nested());
    if (!read) return read;
  }
  return done(in);
}

Status Walk::node(Reader in, size_t depth) {
  if (auto paid = charge(kPerNode); !paid) return paid;
  ++here_->nodes;
  constants_.add_node();
  std::string_view op;
  std::string_view domain;
  std::vector<Reader> attributes;
  while (in.next()) {
    if (in.is(4, Type::kBytes)) op = in.bytes();
    if (in.is(7, Type::kBytes)) domain = in.bytes();
    Status read = ok();
    if (in.is(1, Type::kBytes)) constants_.add_input(in.bytes());
    if (in.is(2, Type::kBytes)) constants_.add_output(in.bytes());
    if (in.is(1, Type::kBytes) || in.is(2, Type::kBytes)) read = charge(kPerString);
    if (in.is(5, Type::kBytes)) attributes.push_back(in.nested());
    if (!read) return read;
  }
  constants_.set_operator(op);
  // Graphs inside come last: their nodes are nodes of their own.
  for (const Reader& each : attributes) {
    if (auto read = attribute(each, depth); !read) return read;
  }
  if (std::ranges::find(kMixRows, op) != kMixRows.end()) facts_.mixes_rows = true;
  here_->calls.push_back(fmt::format("{}\n{}", domain, op));
  return done(in);
}

// An input or output of the main graph. A tensor type without a shape looks like a scalar to the runtime.
Status Walk::value(Reader in) {
  std::string_view name;
  bool tensor_type = false;
  bool shape = false;
  while (in.next()) {
    if (in.is(1, Type::kBytes)) name = in.bytes();
    if (!in.is(2, Type::kBytes)) continue;
    for (Reader type = in.nested(); type.next();) {
      if (!type.is(1, Type::kBytes)) continue;
      tensor_type = true;
      for (Reader facts = type.nested(); facts.next();) shape = shape || facts.is(2, Type::kBytes);
    }
  }
  if (tensor_type && !shape) facts_.without_shape.emplace_back(name);
  return done(in);
}

Status Walk::graph(Reader in, size_t depth) {
  if (depth > limits_.depth) {
    return fail(Code::kTooLarge, "graphs are nested more than {} deep", limits_.depth);
  }
  while (in.next()) {
    if (in.type() != Type::kBytes) continue;
    Status read = ok();
    if (in.field() == 1) read = node(in.nested(), depth);
    if (in.field() == 5) read = tensor(in.nested());
    if (in.field() >= 11 && in.field() <= 14) read = charge(kPerValue);
    if (read && depth == 0 && (in.field() == 11 || in.field() == 12)) read = value(in.nested());
    if (in.field() == 15) read = sparse(in.nested());
    if (!read) return read;
  }
  return done(in);
}

Status Walk::function(Reader in) {
  Function found;
  std::string_view name;
  std::string_view domain;
  here_ = &found;
  while (in.next()) {
    if (in.is(1, Type::kBytes)) name = in.bytes();
    if (in.is(10, Type::kBytes)) domain = in.bytes();
    Status read = ok();
    if (in.is(7, Type::kBytes)) read = node(in.nested(), 0);
    if (in.is(11, Type::kBytes)) read = attribute(in.nested(), 0);
    if (!read) return read;
  }
  here_ = &main_;
  functions_[fmt::format("{}\n{}", domain, name)] = std::move(found);
  return done(in);
}

Status Walk::operator_set(Reader in) {
  OperatorSet set;
  while (in.next()) {
    if (in.is(1, Type::kBytes)) set.domain = printable(in.bytes());
    if (in.is(2, Type::kVarint)) set.version = static_cast<int64_t>(in.number());
  }
  if (set.domain == "ai.onnx") set.domain.clear();
  facts_.operator_sets.push_back(std::move(set));
  return done(in);
}

Status Walk::part(Reader& in) {
  if (in.is(1, Type::kVarint)) facts_.ir_version = static_cast<int64_t>(in.number());
  if (in.is(2, Type::kBytes)) facts_.producer = printable(in.bytes());
  if (in.is(3, Type::kBytes) && !in.bytes().empty()) facts_.producer += " " + printable(in.bytes());
  if (in.is(8, Type::kBytes)) return operator_set(in.nested());
  if (in.is(25, Type::kBytes)) return function(in.nested());
  if (!in.is(7, Type::kBytes)) return ok();
  if (std::exchange(has_graph_, true)) return fail(Code::kInvalid, "at byte {}: a second graph", in.offset());
  return graph(in.nested(), 0);
}

Status Walk::model() {
  Reader in(bytes_);
  while (in.next()) {
    if (auto read = part(in); !read) return read;
  }
  return done(in);
}

Status Walk::check_whole() {
  if (facts_.ir_version < 1) return fail(Code::kInvalid, "has no ir_version");
  if (!has_graph_) return fail(Code::kInvalid, "has no graph");
  if (facts_.operator_sets.empty()) return fail(Code::kInvalid, "names no operator set");
  functions_["main"] = std::move(main_);
  auto nodes = written_out("main", 0);
  if (!nodes) return fail(nodes.error());
  facts_.constant_nodes = functions_.size() > 1 ? *nodes : constants_.count();
  return ok();
}

// The number of nodes once every call is replaced by the function's own nodes: ten functions that each call
// the next one ten times are ten thousand million nodes.
Result<uint64_t> Walk::written_out(const std::string& name, size_t depth) {
  const auto found = functions_.find(name);
  if (found == functions_.end()) return uint64_t{1};
  Function& function = found->second;
  if (function.state == Function::State::kDone) return function.written_out;
  if (function.state == Function::State::kOpen) return fail(Code::kInvalid, "a local function calls itself");
  if (depth > kFunctionDepth)
    return fail(Code::kTooLarge, "local functions are nested more than {} deep", kFunctionDepth);
  function.state = Function::State::kOpen;
  for (const auto& call : function.calls) {
    auto nodes = written_out(call, depth + 1);
    if (!nodes) return nodes;
    function.written_out += *nodes;
    if (function.written_out > limits_.inlined_nodes) {
      return fail(Code::kTooLarge, "its local functions unfold into more than {} nodes",
                  limits_.inlined_nodes);
    }
  }
  function.state = Function::State::kDone;
  return function.written_out;
}

Result<ModelFacts> Walk::run() {
  if (auto read = model(); !read) return fail(read.error());
  if (auto whole = check_whole(); !whole) return fail(whole.error());
  return std::move(facts_);
}

}  // namespace

Result<ModelFacts> read_model_proto(std::string_view bytes, const ProtoLimits& limits) {
  auto facts = Walk(bytes, limits).run();
  if (facts || facts.error().code != Code::kInvalid) return facts;
  return fail(base::within("not a whole ONNX model", facts.error()));
}

}  // namespace slipway::onnx
