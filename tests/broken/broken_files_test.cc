// Every file of tests/data/broken, loaded as the server would and asked once, each in a child process of its
// own: it must be refused where the manifest says so, and never crash, hang, or take more than 32 MiB + 16 ×
// its size.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "adapters/native/native.h"
#include "adapters/onnx/onnx.h"
#include "services/server/formats.h"

namespace slipway {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

const std::string kBroken = SLIPWAY_TEST_DATA "/broken/";
constexpr int kSeconds = 20;
constexpr rlim_t kAddressSpace = rlim_t{4} << 30;  // the sanitizers' shadow needs more, so they go without

struct Case {
  std::string name;
  std::string file;
  bool must_refuse = false;

  std::string path() const { return kBroken + name + "/" + file; }
};

// Small ONNX files that would have the runtime unfold gigabytes while it loads.
std::vector<Case> bombs() {
  std::vector<Case> cases;
  for (const auto* name : {"doubling_concat", "many_constants", "unfolding_functions"}) {
    cases.push_back({"../onnx", std::string(name) + ".onnx"});
  }
  return cases;
}

std::vector<Case> all_cases() {
  std::ifstream file(kBroken + "manifest.json");
  const auto manifest = nlohmann::json::parse(file);
  std::vector<Case> cases;
  for (const auto& [name, facts] : manifest.items()) {
    cases.push_back({name, facts["file"], facts["expect"] == "refuse"});
  }
  return cases;
}

// What a child found out.
struct Report {
  bool loaded = false;
  uint64_t grown = 0;  // bytes of memory at the peak above the start
  std::string message;
};

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

// Whether a model that loaded is asked once too.
enum class Ask : uint8_t { kNothing, kOneRow };

void limit_this_process() {
  ::alarm(kSeconds);
  const rlimit seconds{kSeconds, kSeconds};
  EXPECT_EQ(::setrlimit(RLIMIT_CPU, &seconds), 0);
  const rlimit address_space{kAddressSpace, kAddressSpace};
  EXPECT_TRUE(kSanitized || ::setrlimit(RLIMIT_AS, &address_space) == 0);
}

[[noreturn]] void child(const std::string& path, Ask asking, int out) {
  limit_this_process();
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

void PrintTo(const Case& broken, std::ostream* out) { *out << broken.path(); }

class BrokenFile : public ::testing::TestWithParam<Case> {};

TEST_P(BrokenFile, IsRefusedOrDoesNoHarm) {
  const Case& broken = GetParam();
  Report report;
  ASSERT_NO_FATAL_FAILURE(load_in_child(broken.path(), Ask::kOneRow, report));
  EXPECT_FALSE(broken.must_refuse && report.loaded);
  if (!report.loaded) {
    EXPECT_THAT(report.message, ::testing::HasSubstr(broken.name + "/" + broken.file));
  }
  EXPECT_THAT(report.message, ::testing::Not(::testing::HasSubstr("\n")));
  if (!kSanitized) {
    EXPECT_LE(report.grown, (32U << 20) + 16 * std::filesystem::file_size(broken.path()));
  }
  EXPECT_FALSE(std::filesystem::exists("ZOO_PICKLE_WAS_EXECUTED"));
}

INSTANTIATE_TEST_SUITE_P(Zoo, BrokenFile, ::testing::ValuesIn(all_cases()),
                         [](const auto& row) { return row.param.name; });

class Bomb : public ::testing::TestWithParam<Case> {};

TEST_P(Bomb, DoesNotUnfoldAtLoad) {
  Report report;
  ASSERT_NO_FATAL_FAILURE(load_in_child(GetParam().path(), Ask::kNothing, report));
  if (!kSanitized) {
    EXPECT_LE(report.grown, (32U << 20) + 16 * std::filesystem::file_size(GetParam().path()));
  }
}

INSTANTIATE_TEST_SUITE_P(Onnx, Bomb, ::testing::ValuesIn(bombs()),
                         [](const auto& row) { return row.param.file.substr(0, row.param.file.find('.')); });

TEST(BrokenFiles, AreAllHere) { EXPECT_EQ(all_cases().size(), 60U); }

}  // namespace
}  // namespace slipway
