#include "adapters/onnx/internal/session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "adapters/onnx/internal/external_files.h"
#include "adapters/onnx/internal/ort_signature.h"
#include "adapters/onnx/model_proto.h"
#include "system/os/files.h"

namespace slipway::onnx {
namespace {

constexpr uint64_t kLargestFile = uint64_t{2}
                                  << 30;  // protobuf's own limit; larger weights lie in other files
constexpr int64_t kNewestIr = 13;
constexpr int64_t kNewestOpset = 26;

struct CheckedFile {
  ModelFacts facts;
  std::string path;
  std::vector<std::string> files;  // relative to root, sorted
  uint64_t bytes = 0;              // of all of them
};

std::string folder_of(const std::string& relative) {
  const size_t slash = relative.rfind('/');
  return slash == std::string::npos ? "" : relative.substr(0, slash + 1);
}

Status check_versions(const ModelFacts& facts) {
  if (facts.ir_version > kNewestIr) {
    return fail(Code::kUnsupported,
                "has IR version {}; this runtime reads up to {}: export with an older onnx package",
                facts.ir_version, kNewestIr);
  }
  for (const auto& set : facts.operator_sets) {
    if (!set.domain.empty() || set.version <= kNewestOpset) continue;
    return fail(Code::kUnsupported,
                "needs operator set {}; this runtime has up to {}: export with opset_version={}", set.version,
                kNewestOpset, kNewestOpset);
  }
  return ok();
}

Result<ModelFacts> read_facts(const os::OpenFile& file) {
  auto mapped = os::MappedFile::map(file, kLargestFile);
  if (!mapped) return fail(mapped.error());
  mapped->will_read_once();
  auto facts = read_model_proto(mapped->text());
  Status good = facts ? check_versions(*facts) : Status(fail(facts.error()));
  if (!good) return fail(base::within(file.path, good.error()));
  return facts;
}

Result<CheckedFile> check_file(const backend::ModelFiles& files) {
  auto file = os::open_below(files.root, files.main);
  if (!file) return fail(file.error());
  auto facts = read_facts(*file);
  if (!facts) return fail(facts.error());
  const std::string folder = folder_of(files.main);
  auto external = check_external(files.root + "/" + folder, facts->external);
  if (!external) return fail(base::within(file->path, external.error()));
  CheckedFile out{std::move(*facts), file->path, {files.main}, file->size + external->bytes};
  for (const auto& location : external->locations) out.files.push_back(folder + location);
  std::ranges::sort(out.files);
  out.files.erase(std::unique(out.files.begin(), out.files.end()), out.files.end());
  return out;
}

// What one constant computed at load may take, so that all of them together stay near the files' size. Above
// it the node stays in the graph.
std::string folding_limit(const CheckedFile& file) {
  const uint64_t all = (uint64_t{4} << 20) + 8 * file.bytes;
  return std::to_string(all / std::max<uint64_t>(file.facts.constant_nodes, 1));
}

struct Wish {
  int threads = 1;
  Purpose purpose = Purpose::kRun;
};

Status configure(const OrtApi& ort, OrtSessionOptions* options, const Wish& wish, const CheckedFile& file) {
  const std::string limit = folding_limit(file);
  const std::array<std::pair<const char*, const char*>, 6> settings = {{
      {"session.intra_op.allow_spinning", "0"},
      {"session.inter_op.allow_spinning", "0"},
      {"session.load_model_format", "ONNX"},  // whatever the file's name says
      {"optimization.constant_folding_max_output_size_in_bytes", limit.c_str()},
      {"session.use_device_allocator_for_initializers", "1"},
      {"session.disable_prepacking", wish.purpose == Purpose::kInspect ? "1" : "0"},
  }};
  Status set = check(ort, ort.SetIntraOpNumThreads(options, wish.threads));
  if (set) set = check(ort, ort.SetInterOpNumThreads(options, 1));
  if (set) set = check(ort, ort.SetSessionExecutionMode(options, ORT_SEQUENTIAL));
  if (set) set = check(ort, ort.SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL));
  if (set) set = check(ort, ort.SetSessionLogSeverityLevel(options, ORT_LOGGING_LEVEL_FATAL));
  // A pool and memory patterns are kept for each shape ever seen: they only grow.
  if (set) set = check(ort, ort.DisableCpuMemArena(options));
  if (set) set = check(ort, ort.DisableMemPattern(options));
  for (const auto& [key, value] : settings) {
    if (set) set = check(ort, ort.AddSessionConfigEntry(options, key, value));
  }
  return set;
}

Result<Owned<OrtSession>> create_session(const OrtLibrary& library, const CheckedFile& file,
                                         const Wish& wish) {
  const OrtApi& ort = *library.api;
  Owned<OrtSessionOptions> options(ort.ReleaseSessionOptions);
  Owned<OrtSession> session(ort.ReleaseSession);
  Status made = check(ort, ort.CreateSessionOptions(options.out()));
  if (made) made = configure(ort, options.get(), wish, file);
  if (made) {
    made =
        check(ort, ort.CreateSession(library.environment, file.path.c_str(), options.get(), session.out()));
  }
  if (!made) return fail(base::within(file.path, made.error()));
  return session;
}

// The runtime cannot tell a scalar from a tensor of unknown rank.
Status check_ranks(const std::vector<tensor::TensorSpec>& specs,
                   const std::vector<std::string>& without_shape) {
  for (const auto& spec : specs) {
    if (spec.shape.rank() > 0 || std::ranges::find(without_shape, spec.name) == without_shape.end()) continue;
    return fail(Code::kUnsupported,
                "tensor '{}' has no shape; export it with its shape, or add shapes with onnx.shape_inference",
                spec.name);
  }
  return ok();
}

int64_t fixed_rows(const std::vector<tensor::TensorSpec>& inputs) {
  int64_t rows = 0;
  for (const auto& spec : inputs) {
    if (spec.shape.rank() == 0 || spec.shape[0] < 1) return 0;
    if (rows != 0 && spec.shape[0] != rows) return 0;
    rows = spec.shape[0];
  }
  return rows;
}

}  // namespace

Result<Session> open_session(const backend::ModelFiles& files, const backend::LoadOptions& options,
                             Purpose purpose) {
  auto file = check_file(files);
  if (!file) return fail(file.error());
  auto library = ort_library();
  if (!library) return fail(library.error());
  auto session =
      create_session(**library, *file, {.threads = std::max(options.threads, 1), .purpose = purpose});
  if (!session) return fail(session.error());
  auto read = read_signature(**library, session->get());
  Status served =
      read ? check_ranks(read->signature.inputs, file->facts.without_shape) : Status(fail(read.error()));
  if (served) served = check_ranks(read->signature.outputs, file->facts.without_shape);
  if (!served) return fail(base::within(file->path, served.error()));
  const bool independent = read->one_row_axis && !file->facts.mixes_rows;
  backend::ModelInfo info{.platform = "onnxruntime_onnx",
                          .framework = file->facts.producer,
                          .files = std::move(file->files),
                          .rows_are_independent = independent,
                          .fixed_rows = fixed_rows(read->signature.inputs)};
  return Session{*library, std::move(*session), std::move(read->signature), std::move(info)};
}

}  // namespace slipway::onnx
