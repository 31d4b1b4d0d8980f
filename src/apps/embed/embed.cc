// embed OUT.cc FILE…: the definitions in api/ as JSON inside the program. Runs while building.
#include <cstdio>

#include "system/kube/yaml.h"
#include "system/os/files.h"
#include "system/os/replace_file.h"

namespace {

using slipway::Code;
using slipway::fail;
using slipway::Result;
using slipway::Status;
namespace kube = slipway::kube;
namespace os = slipway::os;

// A raw string; compilers take no longer ones than this.
constexpr size_t kPiece = 12'000;

Result<std::string> literal(const std::string& path) {
  const auto text = os::read_file(path, 1 << 20);
  if (!text) return fail(text.error());
  const auto documents = kube::yaml_to_json(*text, path);
  if (!documents) return fail(documents.error());
  if (documents->size() != 1) return fail(Code::kInvalid, "{}: one document is expected", path);
  const std::string& json = documents->front().json;
  std::string out;
  for (size_t at = 0; at < json.size(); at += kPiece) out += "R\"~~(" + json.substr(at, kPiece) + ")~~\"\n";
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  std::string out = fmt::format(
      "#include \"values/domain/internal/embedded.h\"\n\n#include <array>\n\nnamespace slipway::domain {{\n\n"
      "std::span<const std::string_view> embedded_definitions() {{\n  static constexpr "
      "std::array<std::string_view, {}> kTexts{{{{\n",
      argc - 2);
  for (int i = 2; i < argc; ++i) {
    const auto text = literal(argv[i]);
    if (!text) return std::fprintf(stderr, "embed: %s\n", text.error().message.c_str()), 1;
    out += *text + ",\n";
  }
  out += "  }};\n  return kTexts;\n}\n\n}  // namespace slipway::domain\n";
  const Status written = os::replace_file(argv[1], out, 0644);
  if (!written) return std::fprintf(stderr, "embed: %s\n", written.error().message.c_str()), 1;
  return 0;
}
