// Loads a model file in a child process of its own, and says what became of it: a crash, a hang or gigabytes
// are the child's alone.
#pragma once

#include <cstdint>
#include <string>

namespace slipway::broken {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

// What a child found out.
struct Report {
  bool loaded = false;
  uint64_t grown = 0;  // bytes of memory at the peak above the start
  std::string message;
};

// Whether a model that loaded is asked once too.
enum class Ask : uint8_t { kNothing, kOneRow };

// Loads as the server would. Fails the test when the child crashes, hangs, or cannot say what it found.
void load_in_child(const std::string& path, Ask asking, Report& report);

// What loading this file may take: the promise of ports/backend.
uint64_t memory_bound(const std::string& path);

}  // namespace slipway::broken
