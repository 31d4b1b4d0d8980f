#include "adapters/onnx/onnx.h"

#include <chrono>
#include <mutex>
#include <utility>

#include "adapters/onnx/internal/no_rows.h"
#include "adapters/onnx/internal/session.h"
#include "adapters/onnx/internal/values.h"
#include "adapters/onnx/internal/watch.h"

namespace slipway::onnx {
namespace {

using backend::RunContext;

// What one run needs and the next one can use again.
struct RunState {
  explicit RunState(const OrtApi& api) : stop(api), ort(api) {}
  ~RunState() { clear(); }
  RunState(const RunState&) = delete;
  RunState& operator=(const RunState&) = delete;

  void clear() {
    for (auto* values : {&inputs, &outputs}) {
      for (OrtValue* value : *values) ort.ReleaseValue(value);
      values->clear();
    }
    output_names.clear();
  }

  StopSlot stop;
  const OrtApi& ort;
  std::vector<OrtValue*> inputs;
  std::vector<OrtValue*> outputs;
  std::vector<const char*> output_names;
};

// Errors quote names out of the file.
tl::unexpected<Error> refuse(Error error) {
  error.message = readable(error.message);
  return fail(std::move(error));
}

Code run_code(const Error& error) {
  const bool memory = error.message.find("bad_alloc") != std::string::npos ||
                      error.message.find("bad allocation") != std::string::npos ||
                      error.message.find("allocate memory") != std::string::npos;
  return memory ? Code::kExhausted : error.code;
}

class OnnxModel final : public backend::Model {
 public:
  OnnxModel(Session session, std::shared_ptr<Watch> watch)
      : session_(std::move(session)), watch_(std::move(watch)) {
    for (const auto& spec : session_.signature.inputs) input_names_.push_back(spec.name.c_str());
  }
  ~OnnxModel() override {
    for (const auto& state : idle_) watch_->remove(&state->stop);
  }

  const tensor::Signature& signature() const override { return session_.signature; }
  const backend::ModelInfo& info() const override { return session_.info; }

  Status run(std::span<const tensor::Tensor> inputs, std::span<backend::OutputSlot> outputs,
             const RunContext& context) const override {
    if (outputs.empty()) return ok();
    if (any_empty(inputs)) return answer_no_rows(session_.signature, inputs, outputs);
    auto state = take_state();
    if (!state) return fail(state.error());
    Status done = fill(**state, inputs, outputs);
    if (done) done = call(**state, context);
    if (done) done = collect(**state, outputs, context.arena);
    give_state(std::move(*state));
    return done;
  }

 private:
  Result<std::unique_ptr<RunState>> take_state() const {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto state = std::move(idle_.back());
        idle_.pop_back();
        return state;
      }
    }
    auto state = std::make_unique<RunState>(*session_.library->api);
    if (auto opened = state->stop.open(); !opened) return fail(opened.error());
    watch_->add(&state->stop);
    return state;
  }

  void give_state(std::unique_ptr<RunState> state) const {
    state->clear();
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(state));
  }

  Status fill(RunState& state, std::span<const tensor::Tensor> inputs,
              std::span<const backend::OutputSlot> outputs) const {
    for (const auto& tensor : inputs) {
      OrtValue* value = nullptr;
      auto made = make_value(*session_.library, tensor, &value);
      if (value != nullptr) state.inputs.push_back(value);
      if (!made) return made;
    }
    for (const auto& slot : outputs) {
      state.output_names.push_back(session_.signature.outputs[slot.index].name.c_str());
    }
    state.outputs.resize(outputs.size(), nullptr);
    return ok();
  }

  Status call(RunState& state, const RunContext& context) const {
    if (context.deadline == TimePoint::max() && context.cancelled == nullptr) return call_runtime(state);
    if (auto stopped = StopSlot::stopped(context, std::chrono::steady_clock::now()); !stopped) return stopped;
    state.stop.begin(context);
    watch_->enter();
    Status ran = call_runtime(state);
    watch_->leave();
    Status stopped = state.stop.end();
    // An answer that was ready before the flag was seen is an answer.
    return ran ? ran : stopped ? ran : stopped;
  }

  Status call_runtime(RunState& state) const {
    const OrtApi& ort = *session_.library->api;
    auto ran = check(ort, ort.Run(session_.session.get(), state.stop.options(), input_names_.data(),
                                  state.inputs.data(), state.inputs.size(), state.output_names.data(),
                                  state.output_names.size(), state.outputs.data()));
    if (ran) return ok();
    return fail(Error{run_code(ran.error()), std::move(ran.error().message)});
  }

  Status collect(RunState& state, std::span<backend::OutputSlot> outputs, base::Arena& arena) const {
    for (size_t i = 0; i < outputs.size(); ++i) {
      const auto name = [&] { return fmt::format("output '{}'", state.output_names[i]); };
      if (state.outputs[i] == nullptr) return fail(Code::kInvalid, "{}: the model made none", name());
      auto tensor = read_value(*session_.library, state.outputs[i], arena);
      if (!tensor) return fail(base::within(name(), tensor.error()));
      outputs[i].tensor = *tensor;
    }
    return ok();
  }

  // Constant after construction.
  Session session_;
  std::shared_ptr<Watch> watch_;
  std::vector<const char*> input_names_;

  mutable std::mutex mutex_;  // guards what follows
  mutable std::vector<std::unique_ptr<RunState>> idle_;
};

}  // namespace

OnnxBackend::OnnxBackend() : watch_(std::make_shared<Watch>()) {}

Result<backend::Backend::Inspection> OnnxBackend::inspect(const backend::ModelFiles& files) const {
  auto session = open_session(files, {}, Purpose::kInspect);
  if (!session) return refuse(session.error());
  return Inspection{std::move(session->signature), std::move(session->info)};
}

Result<std::unique_ptr<backend::Model>> OnnxBackend::load(const backend::ModelFiles& files,
                                                          const backend::LoadOptions& options) const {
  auto session = open_session(files, options, Purpose::kRun);
  if (!session) return refuse(session.error());
  return std::make_unique<OnnxModel>(std::move(*session), watch_);
}

}  // namespace slipway::onnx
