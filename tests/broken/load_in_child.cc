#include "load_in_child.h"

#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "adapters/native/native.h"
#include "adapters/onnx/onnx.h"
#include "services/server/formats.h"

namespace slipway::broken {
namespace {

constexpr int kSeconds = 20;
constexpr rlim_t kAddressSpace = rlim_t{4} << 30;  // the sanitizers' shadow needs more, so they go without

uint64_t memory(const std::string& line_name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(line_name)) return std::stoull(line.substr(line_name.size() + 1)) * 1024;
  }
  return 0;
}

Result<std::unique_ptr<backend::Model>> load(const std::string& path) {
  auto found = server::recognise(path);
  if (!found) return fail(found.error());
  if (found->backend == "onnx") return onnx::OnnxBackend().load(found->files, {});
  return native::NativeBackend().load(found->files, {});
}

// The address sanitizer ends the process where operator new would throw, and the runtime counts on the throw.
bool may_ask(const backend::Model& model) {
  return !kSanitized || model.info().platform != "onnxruntime_onnx";
}

// One row of zeros or empty strings, as the warm-up does.
Status ask(const backend::Model& model) {
  base::Arena arena;
  std::vector<tensor::Tensor> inputs;
  for (const auto& spec : model.signature().inputs) {
    tensor::Shape shape = spec.shape;
    for (size_t axis = 0; axis < shape.rank(); ++axis) shape.set(axis, std::max<int64_t>(shape[axis], 1));
    auto input = tensor::make_tensor(spec.type, shape, arena);
    if (!input) return fail(input.error());
    inputs.push_back(*input);
  }
  std::vector<backend::OutputSlot> outputs(model.signature().outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].index = i;
  const TimePoint soon = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  return model.run(inputs, outputs, {.arena = arena, .deadline = soon});
}

void limit_this_process() {
  ::alarm(kSeconds);
  const rlimit seconds{kSeconds, kSeconds};
  EXPECT_EQ(::setrlimit(RLIMIT_CPU, &seconds), 0);
  const rlimit address_space{kAddressSpace, kAddressSpace};
  EXPECT_TRUE(kSanitized || ::setrlimit(RLIMIT_AS, &address_space) == 0);
}

[[noreturn]] void child(const std::string& path, Ask asking, int out) {
  limit_this_process();
  ::malloc_trim(0);  // what the parent had and gave up must not hide what is taken now
  std::ofstream("/proc/self/clear_refs") << "5";  // forgets the parent's peak
  const uint64_t start = memory("VmRSS:");
  auto model = load(path);
  Status asked = model ? ok() : Status(fail(model.error()));
  if (model && asking == Ask::kOneRow && may_ask(**model)) asked = ask(**model);
  const std::string message = asked ? "" : asked.error().message;
  const std::string text =
      std::to_string(model ? 1 : 0) + " " + std::to_string(memory("VmHWM:") - start) + " " + message;
  const bool written = ::write(out, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::_exit(written ? 0 : 1);
}

Report parse(const std::string& text) {
  Report report;
  const size_t second = text.find(' ', 2);
  report.loaded = text.starts_with("1");
  report.grown = std::stoull(text.substr(2, second - 2));
  report.message = text.substr(second + 1);
  return report;
}

}  // namespace

void load_in_child(const std::string& path, Ask asking, Report& report) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) child(path, asking, ends[1]);
  ::close(ends[1]);
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t got = 0; (got = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  ASSERT_EQ(WEXITSTATUS(status), 0);
  report = parse(text);
}

uint64_t memory_bound(const std::string& path) { return (32U << 20) + 16 * std::filesystem::file_size(path); }

}  // namespace slipway::broken
