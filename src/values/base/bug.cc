#include "values/base/bug.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace slipway::base {
namespace {

void print(const char* file, int line, const std::string& message) {
  std::fprintf(stderr, "BUG %s:%d: %s\n", file, line, message.c_str());
}

std::atomic<BugHook> g_hook{print};
std::atomic<uint64_t> g_seen{0};

}  // namespace

void set_bug_hook(BugHook hook) { g_hook.store(hook ? hook : print); }

uint64_t bugs_seen() { return g_seen.load(std::memory_order_relaxed); }

void report_bug(const char* file, int line, const std::string& message) {
  g_seen.fetch_add(1, std::memory_order_relaxed);
  g_hook.load()(file, line, message);
#ifndef NDEBUG
  std::abort();
#endif
}

}  // namespace slipway::base
