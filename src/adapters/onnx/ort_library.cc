#include "adapters/onnx/ort_library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "adapters/onnx/internal/ort_status.h"
#include "system/os/files.h"

namespace slipway::onnx {
namespace {

constexpr uint32_t kApiVersion = 21;

void silence_telemetry() {
  constexpr const char* kName = "ORT_DISABLE_TELEMETRY";
  const char* now = ::getenv(kName);
  if (now == nullptr || std::strcmp(now, "1") != 0) ::setenv(kName, "1", 1);
}

Result<void*> open_library() {
  const auto candidates = library_candidates(::getenv(kLibraryVariable), os::program_folder());
  std::string tried;
  for (const auto& path : candidates) {
    if (auto file = os::open_file(path); !file) {
      tried += "; " + file.error().message;
      continue;
    }
    if (void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    tried += fmt::format("; {}", ::dlerror());
  }
  return fail(Code::kUnsupported,
              "ONNX models need ONNX Runtime, which was not found; run tools/setup, or let {} name {}{}",
              kLibraryVariable, kLibraryName, tried);
}

Result<const OrtApi*> find_api(void* library) {
  using GetBase = const OrtApiBase* (*)();
  const auto get_base = reinterpret_cast<GetBase>(::dlsym(library, "OrtGetApiBase"));
  const OrtApiBase* base = get_base != nullptr ? get_base() : nullptr;
  const OrtApi* api = base != nullptr ? base->GetApi(kApiVersion) : nullptr;
  if (api != nullptr) return api;
  return fail(Code::kUnsupported, "the ONNX Runtime library{} does not offer API version {}; use {}",
              base != nullptr ? fmt::format(" (version {})", base->GetVersionString()) : "", kApiVersion,
              kLibraryName);
}

Result<OrtLibrary> open_runtime() {
  silence_telemetry();
  auto library = open_library();
  if (!library) return fail(library.error());
  auto api = find_api(*library);
  if (!api) return fail(api.error());
  OrtLibrary out{.api = *api};
  const OrtApi& ort = *out.api;
  Status made = check(ort, ort.CreateEnv(ORT_LOGGING_LEVEL_FATAL, "slipway", &out.environment));
  if (made) made = check(ort, ort.DisableTelemetryEvents(out.environment));
  if (made)
    made = check(ort, ort.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &out.cpu_memory));
  if (made) made = check(ort, ort.GetAllocatorWithDefaultOptions(&out.allocator));
  if (!made) return fail(base::within("starting ONNX Runtime", made.error()));
  return out;
}

}  // namespace

std::vector<std::string> library_candidates(const char* variable, const std::string& folder) {
  if (variable != nullptr && *variable != '\0') return {variable};
  return {fmt::format("{}/lib/{}", folder, kLibraryName),
          fmt::format("{}/../lib/slipway/{}", folder, kLibraryName)};
}

Result<const OrtLibrary*> ort_library() {
  static std::mutex mutex;
  static OrtLibrary opened;  // guarded by mutex until it is whole, constant afterwards
  const std::lock_guard lock(mutex);
  if (opened.api != nullptr) return &opened;
  auto runtime = open_runtime();
  if (!runtime) return fail(runtime.error());
  opened = *runtime;
  return &opened;
}

}  // namespace slipway::onnx
