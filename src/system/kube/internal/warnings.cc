#include "system/kube/internal/warnings.h"

namespace slipway::kube::internal {

std::vector<std::string> read_warnings(std::string_view header) {
  std::vector<std::string> out;
  while (true) {
    const size_t open = header.find('"');
    if (open == std::string_view::npos) return out;
    std::string text;
    size_t at = open + 1;
    for (; at < header.size() && header[at] != '"'; ++at) {
      if (header[at] == '\\' && at + 1 < header.size()) ++at;
      text += header[at];
    }
    if (at >= header.size()) return out;
    out.push_back(std::move(text));
    const size_t comma = header.find(',', at);  // a date in quotes may stand before it
    if (comma == std::string_view::npos) return out;
    header.remove_prefix(comma + 1);
  }
}

}  // namespace slipway::kube::internal
