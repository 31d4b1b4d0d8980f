// BUG("…"): our own fault, found while running. Debug builds stop there; release builds count it, report it
// through the hook and go on, because a wrong counter is no reason to drop everybody's requests. The caller
// still has to return something sensible.
//
// Thread-safe. The hook is set once, by runtime's log, before other threads start.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace slipway::base {

using BugHook = void (*)(const char* file, int line, const std::string& message);

void set_bug_hook(BugHook hook);
uint64_t bugs_seen();
void report_bug(const char* file, int line, const std::string& message);

}  // namespace slipway::base

#define BUG(...) ::slipway::base::report_bug(__FILE__, __LINE__, fmt::format(__VA_ARGS__))
