// Text that is shown again and again: on a terminal it takes the place of what was there, elsewhere it
// follows it. One thread.
#pragma once

#include <string>

namespace slipway::cli {

bool is_terminal();   // standard output
bool wants_colour();  // on it: NO_COLOR is not set

// In bold, or in colour, where that is wanted; else as it is.
enum class Ink : uint8_t { kPlain, kBold, kGood, kBad, kFaint };
std::string inked(const std::string& text, Ink ink);

class Screen {
 public:
  // Shows it in the place of the last text; nothing is written when it is the same.
  void show(const std::string& text);

 private:
  std::string shown_;
};

// What moves the cursor back over the shown text and clears it. Pure.
std::string over(const std::string& shown, size_t columns);

}  // namespace slipway::cli
