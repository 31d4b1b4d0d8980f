#include "services/server/loader.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <thread>

#include "services/server/formats.h"
#include "system/oci/model_folder.h"
#include "system/os/files.h"
#include "values/domain/observed.h"

namespace slipway::server {
namespace {

using namespace std::chrono_literals;

// Runs until the cost is known well enough, but never for long: a server that starts should answer.
constexpr int kWarmUpRuns = 16;
constexpr Duration kWarmUpTime = 5ms;
// A signature is a claim: a small file can say that a row has a billion columns.
constexpr size_t kWarmUpMemory = 256 << 20;

constexpr int kLoadAttempts = 5;      // of files that are written to meanwhile
constexpr Duration kFileTick = 10ms;  // at most, between two times that a file system can tell apart

bool is_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  };
  return !text.empty() && text.size() <= 63 && text != "." && text != ".." &&
         std::ranges::all_of(text, allowed);
}

Result<const backend::Backend*> find_backend(const Recognised& recognised, const Backends& backends) {
  const auto at = backends.find(recognised.backend);
  if (at == backends.end())
    return fail(Code::kUnsupported, "{} needs the backend '{}', which is not in this build",
                recognised.format, recognised.backend);
  return at->second.get();
}

// One row of zeros, with 1 for every free dimension; `text` for every string.
Result<std::vector<tensor::Tensor>> zeros(const backend::Model& model, std::string_view text,
                                          base::Arena& arena) {
  std::vector<tensor::Tensor> inputs;
  for (const tensor::TensorSpec& spec : model.signature().inputs) {
    tensor::Shape shape = spec.shape;
    for (size_t axis = 0; axis < shape.rank(); ++axis)
      if (shape[axis] < 0) shape.set(axis, 1);
    auto tensor = tensor::make_tensor(spec.type, shape, arena);
    if (!tensor) return fail(tensor.error());
    if (spec.type == tensor::DataType::kBytes) std::ranges::fill(tensor->values<std::string_view>(), text);
    inputs.push_back(*tensor);
  }
  return inputs;
}

Status check_outputs(const backend::Model& model, std::span<const backend::OutputSlot> outputs) {
  for (const backend::OutputSlot& slot : outputs) {
    const tensor::TensorSpec& spec = model.signature().outputs[slot.index];
    if (slot.tensor.type != spec.type || !tensor::shape_fits(spec.shape, slot.tensor.shape))
      return fail(Code::kInvalid, "output '{}' is {} {}, the signature says {} {}", spec.name,
                  name(slot.tensor.type), slot.tensor.shape.str(), name(spec.type), spec.shape.str());
  }
  return ok();
}

Status run_zeros(const LoadedModel& loaded, std::string_view text, const runtime::Clock& clock) {
  base::Budget budget(kWarmUpMemory);
  base::Arena row(&budget), arena(&budget);
  const backend::Model& model = *loaded.model;
  const auto inputs = zeros(model, text, row);
  if (!inputs) return fail(inputs.error());
  std::vector<backend::OutputSlot> outputs(model.signature().outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].index = i;
  const int64_t rows = inputs->empty() || (*inputs)[0].shape.rank() == 0 ? 1 : (*inputs)[0].shape[0];
  const TimePoint start = clock.now();
  for (int i = 0; i < kWarmUpRuns && (i < 2 || clock.now() - start < kWarmUpTime); ++i) {
    arena.reset();
    const TimePoint before = clock.now();
    const Status ran = model.run(*inputs, outputs, {.arena = arena});
    if (!ran) return fail(base::within("the warm-up run failed", ran.error()));
    if (Status right = check_outputs(model, outputs); !right) return right;
    // The first run pays for caches and lazy set-up, and tells nothing of the next ones.
    if (i > 0) loaded.cost.learn(rows, clock.now() - before);
  }
  return ok();
}

// Some models read numbers from their strings, and an empty one is none.
Status warm_up(const LoadedModel& loaded, const runtime::Clock& clock) {
  const auto& inputs = loaded.model->signature().inputs;
  const bool has_text =
      std::ranges::any_of(inputs, [](const auto& spec) { return spec.type == tensor::DataType::kBytes; });
  Status ran = run_zeros(loaded, "", clock);
  if (!ran && has_text && ran.error().code == Code::kInvalid) ran = run_zeros(loaded, "0", clock);
  if (!ran && ran.error().code == Code::kExhausted)
    return fail(Code::kUnsupported, "one row and its answer take more than {} MiB", kWarmUpMemory >> 20);
  return ran;
}

}  // namespace

Result<ModelSource> parse_model_source(std::string_view text) {
  const size_t equals = text.find('=');
  ModelSource source;
  std::string_view name = text.substr(0, std::min(equals, text.size()));
  if (const size_t colon = name.find(':'); colon != std::string_view::npos) {
    const std::string_view version = name.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(version.data(), version.data() + version.size(), source.version);
    if (error != std::errc{} || end != version.data() + version.size() || source.version < 1)
      return fail(Code::kInvalid, "version '{}' of --model {} is not a number from 1 on", version, text);
    name = name.substr(0, colon);
  }
  if (equals == std::string_view::npos || equals + 1 == text.size())
    return fail(Code::kInvalid, "--model {} names no path; it looks like --model credit=model.json", text);
  if (!is_name(name))
    return fail(Code::kInvalid, "'{}' is no name for a model: letters, digits, '-', '_' and '.', at most 63",
                name);
  source.name = name;
  source.path = text.substr(equals + 1);
  return source;
}

Result<Digest> digest_of(const std::string& root, const std::vector<std::string>& files) {
  // A version that was fetched has its manifest beside its files: its digest is the version's everywhere.
  const auto version = oci::check_model_folder(root);
  if (!version) return fail(version.error());
  if (*version) return **version;
  base::Sha256 lines;
  for (const std::string& file : files) {
    const auto digest = os::sha256_file(root + "/" + file);
    if (!digest || files.size() == 1) return digest;
    lines.update(fmt::format("{}  {}\n", digest->hex(), file));
  }
  return lines.finish();
}

Result<Inspected> inspect(const std::string& path, const Backends& backends) {
  const auto recognised = recognise(path);
  if (!recognised) return fail(recognised.error());
  const auto backend = find_backend(*recognised, backends);
  if (!backend) return fail(backend.error());
  auto inspection = (*backend)->inspect(recognised->files);
  if (!inspection) return fail(inspection.error());
  const auto digest = digest_of(recognised->files.root, inspection->info.files);
  if (!digest) return fail(digest.error());
  Inspected out{.format = recognised->format,
                .backend = recognised->backend,
                .inspection = std::move(*inspection),
                .digest = *digest};
  for (const std::string& file : out.inspection.info.files) {
    const auto opened = os::open_file(recognised->files.root + "/" + file);
    if (!opened) return fail(opened.error());
    out.bytes += opened->size;
  }
  return out;
}

namespace {

// Which file it is, and when it was last touched.
struct Stamp {
  dev_t device = 0;
  ino_t inode = 0;
  WallTime changed;

  bool operator==(const Stamp&) const = default;
};

// Of the folder and its files: a folder may be swapped as a whole.
Result<std::vector<Stamp>> stamps_of(const std::string& root, const std::vector<std::string>& files) {
  std::vector<std::string> paths{root};
  for (const std::string& file : files) paths.push_back(root + "/" + file);
  std::vector<Stamp> out;
  for (const std::string& path : paths) {
    struct stat facts{};
    if (::stat(path.c_str(), &facts) != 0)
      return fail(Code::kNotFound, "{}: {}", path, os::errno_text(errno));
    const Duration since =
        std::chrono::seconds(facts.st_ctim.tv_sec) + std::chrono::nanoseconds(facts.st_ctim.tv_nsec);
    out.push_back({.device = facts.st_dev, .inode = facts.st_ino, .changed = WallTime(since)});
  }
  return out;
}

struct Undisturbed {
  std::unique_ptr<backend::Model> model;
  Digest digest;
};

// The digest is made of a second reading: both must have seen the same, or the answers would name a digest
// that did not give them. File systems tell times in ticks, so what was touched a moment before counts too,
// and is read again when the tick is over.
Result<Undisturbed> load_undisturbed(const backend::Backend& backend, const backend::ModelFiles& files,
                                     const runtime::Clock& clock) {
  std::vector<Stamp> before;
  for (int attempt = 0; attempt < kLoadAttempts; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(2 * kFileTick);
    const WallTime start = clock.wall();
    auto model = backend.load(files, {});
    if (!model) return fail(model.error());
    const auto digest = digest_of(files.root, (*model)->info().files);
    if (!digest) return fail(digest.error());
    auto after = stamps_of(files.root, (*model)->info().files);
    if (!after) return fail(after.error());
    const bool old =
        std::ranges::all_of(*after, [&](const Stamp& each) { return each.changed < start - kFileTick; });
    if (old || *after == before) return Undisturbed{.model = std::move(*model), .digest = *digest};
    before = std::move(*after);
  }
  return fail(Code::kInvalid,
              "{}/{} is changed again and again while it is loaded; stop whoever writes to it", files.root,
              files.main);
}

}  // namespace

Result<std::unique_ptr<LoadedModel>> load_model(const ModelSource& source, const Backends& backends,
                                                telemetry::Registry& registry, const runtime::Clock& clock) {
  const auto named = [&](Error error) {
    return fail(base::within("model " + source.name, std::move(error)));
  };
  const auto recognised = recognise(source.path);
  if (!recognised) return named(recognised.error());
  const auto backend = find_backend(*recognised, backends);
  if (!backend) return named(backend.error());
  auto undisturbed = load_undisturbed(**backend, recognised->files, clock);
  if (!undisturbed) return named(undisturbed.error());
  auto& [model, digest] = *undisturbed;
  if (source.expected && digest != *source.expected)
    return named({Code::kInvalid, fmt::format("{} holds {}, not {}; fetch the version again", source.path,
                                              digest.str(), source.expected->str())});
  auto loaded = std::make_unique<LoadedModel>();
  loaded->name = source.name;
  loaded->version = source.version;
  loaded->version_text = std::to_string(source.version);
  loaded->digest = digest;
  loaded->revision =
      source.revision.empty() ? domain::revision_name(source.name, source.version, digest) : source.revision;
  loaded->revision_header = fmt::format("{}; digest={}", loaded->revision, digest.str());
  loaded->model = std::move(model);
  loaded->metrics = std::make_unique<ModelMetrics>(registry, source.name, loaded->version_text);
  if (Status warm = warm_up(*loaded, clock); !warm) return named(base::within(source.path, warm.error()));
  return loaded;
}

}  // namespace slipway::server
