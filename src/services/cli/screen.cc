#include "services/cli/screen.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "services/cli/table.h"

namespace slipway::cli {
namespace {

size_t columns_of_terminal() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

bool is_terminal() { return ::isatty(STDOUT_FILENO) != 0; }
bool wants_colour() { return is_terminal() && std::getenv("NO_COLOR") == nullptr; }

std::string inked(const std::string& text, Ink ink) {
  if (ink == Ink::kPlain || !wants_colour()) return text;
  constexpr int kCodes[] = {0, 1, 32, 31, 2};
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<int>(ink)], text);
}

// A line that is longer than the terminal is wide takes several of its lines.
std::string over(const std::string& shown, size_t columns) {
  size_t lines = 0;
  for (size_t at = 0; at < shown.size();) {
    const size_t end = std::min(shown.find('\n', at), shown.size());
    const size_t width = display_width(shown.substr(at, end - at));
    lines += width == 0 ? 1 : (width + columns - 1) / columns;
    at = end + 1;
  }
  return lines == 0 ? "" : fmt::format("\x1b[{}A\r\x1b[J", lines);
}

void Screen::show(const std::string& text) {
  if (text == shown_) return;
  if (is_terminal()) std::fputs(over(shown_, columns_of_terminal()).c_str(), stdout);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  shown_ = text;
}

}  // namespace slipway::cli
