#include "adapters/native/native.h"

#include "adapters/native/lightgbm.h"
#include "adapters/native/tree_model.h"
#include "adapters/native/xgboost.h"
#include "system/os/files.h"

namespace slipway::native {
namespace {

template <class T>
backend::ModelInfo info_of(const TreeFile<T>& file, const std::string& main) {
  return {.platform = file.platform, .framework = file.framework, .files = {main}};
}

// UBJSON objects start with '{' and the marker of a key's length; JSON ones with '{' and a quote, a brace or
// white space.
bool looks_like_ubjson(std::string_view bytes) {
  constexpr std::string_view kLengths = "iUIlL";
  return bytes.size() > 1 && bytes[0] == '{' && kLengths.find(bytes[1]) != std::string_view::npos;
}

// Reads the file with the reader that its first bytes ask for, and hands the checked file to `use`.
template <class Use>
auto with_file(const backend::ModelFiles& files, Use&& use) -> decltype(use(TreeFile<float>{})) {
  const std::string path = files.root + "/" + files.main;
  const auto mapped = os::MappedFile::open(path, os::kAnySize);
  if (!mapped) return fail(mapped.error());
  const std::string_view bytes = mapped->text();
  if (bytes.empty()) return fail(Code::kInvalid, "{}: the file is empty", path);
  if (bytes.starts_with("tree")) {
    auto file = read_lightgbm(bytes);
    if (!file) return fail(base::within(path, file.error()));
    return use(std::move(*file));
  }
  auto file = looks_like_ubjson(bytes) ? read_xgboost_ubjson(bytes) : read_xgboost_json(bytes);
  if (!file) return fail(base::within(path, file.error()));
  return use(std::move(*file));
}

}  // namespace

Result<backend::Backend::Inspection> NativeBackend::inspect(const backend::ModelFiles& files) const {
  return with_file(files, [&](const auto& file) -> Result<Inspection> {
    return Inspection{.signature = signature_of(file), .info = info_of(file, files.main)};
  });
}

Result<std::unique_ptr<backend::Model>> NativeBackend::load(const backend::ModelFiles& files,
                                                            const backend::LoadOptions&) const {
  return with_file(files, [&](auto file) -> Result<std::unique_ptr<backend::Model>> {
    auto info = info_of(file, files.main);
    return make_model(std::move(file), std::move(info));
  });
}

}  // namespace slipway::native
