import json, sys, yaml
out = open(sys.argv[1], "w")
out.write('#include "values/domain/internal/embedded.h"\n\n#include <array>\n\nnamespace slipway::domain {\n\nstd::span<const std::string_view> embedded_definitions() {\n  static constexpr std::array<std::string_view, %d> kTexts{{\n' % (len(sys.argv) - 2))
for path in sys.argv[2:]:
    text = json.dumps(yaml.safe_load(open(path)), separators=(",", ":"))
    pieces = [text[i:i + 12000] for i in range(0, len(text), 12000)]
    out.write("    std::string_view(" + "\n".join('R"~~(%s)~~"' % piece for piece in pieces) + "),\n")
out.write("  }};\n  return kTexts;\n}\n\n}  // namespace slipway::domain\n")
