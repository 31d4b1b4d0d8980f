#include "adapters/onnx/internal/external_files.h"

#include <map>

#include "system/os/files.h"
#include "values/base/checked.h"

namespace slipway::onnx {
namespace {

constexpr size_t kMostFiles = 4096;

Status check_place(const ExternalData& data) {
  if (data.location.empty()) {
    return fail(Code::kInvalid, "tensor '{}' names no file for its external data", data.tensor);
  }
  if (data.location.front() != '/' && data.location.find("..") == std::string::npos) return ok();
  return fail(
      Code::kDenied,
      "tensor '{}' wants data from '{}': external data must lie in the model's own folder; save the model "
      "again with its weights beside it",
      data.tensor, data.location);
}

Status check_range(const ExternalData& data, uint64_t file_size) {
  const auto end = base::checked_add(data.offset, data.length);
  if (end && *end <= file_size) return ok();
  return fail(Code::kInvalid, "tensor '{}' wants {} bytes at offset {} of '{}', which has {} bytes",
              data.tensor, data.length, data.offset, data.location, file_size);
}

}  // namespace

Result<ExternalFiles> check_external(const std::string& folder, std::span<const ExternalData> wanted) {
  std::map<std::string, uint64_t> sizes;
  for (const auto& data : wanted) {
    if (auto place = check_place(data); !place) return fail(place.error());
    auto known = sizes.find(data.location);
    if (known == sizes.end()) {
      auto file = os::open_below(folder, data.location);
      if (!file) return fail(base::within(fmt::format("tensor '{}'", data.tensor), file.error()));
      known = sizes.emplace(data.location, file->size).first;
    }
    if (sizes.size() > kMostFiles)
      return fail(Code::kTooLarge, "external data in more than {} files", kMostFiles);
    if (auto range = check_range(data, known->second); !range) return fail(range.error());
  }
  ExternalFiles out;
  for (const auto& [location, size] : sizes) {
    out.locations.push_back(location);
    out.bytes += size;
  }
  return out;
}

}  // namespace slipway::onnx
