// ONNX Runtime's shared library: found, opened once, kept for the life of the process.
//
// Looked for in this order: the file that the environment variable SLIPWAY_ONNXRUNTIME names; then
// lib/libonnxruntime.so.1.31.1 and ../lib/slipway/libonnxruntime.so.1.31.1 beside the running program.
// Before it is opened, ORT_DISABLE_TELEMETRY=1 is put into the environment, unless it stands there: programs
// with threads should set it first thing in main(), because changing the environment is no business of
// threads.
//
// Thread-safe. Failure: kUnsupported with every path tried and what to do.
#pragma once

#include <onnxruntime_c_api.h>

#include <string>
#include <vector>

#include "values/base/result.h"

namespace slipway::onnx {

inline constexpr const char* kLibraryVariable = "SLIPWAY_ONNXRUNTIME";
inline constexpr const char* kLibraryName = "libonnxruntime.so.1.31.1";

struct OrtLibrary {
  const OrtApi* api = nullptr;
  OrtEnv* environment = nullptr;
  OrtMemoryInfo* cpu_memory = nullptr;
  OrtAllocator* allocator = nullptr;  // the default one; not owned
};

// The library, opened at the first call that succeeds.
Result<const OrtLibrary*> ort_library();

// Where it is looked for, given the variable's value (or null) and the program's folder.
std::vector<std::string> library_candidates(const char* variable, const std::string& program_folder);

}  // namespace slipway::onnx
