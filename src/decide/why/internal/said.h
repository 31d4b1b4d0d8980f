// What a condition's message says, taken apart. The messages are control's (decide/rollout/conditions.cc).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "decide/why/why.h"

namespace slipway::why {

struct Said {
  std::string text;  // one line
  std::string log;   // the last lines of a log, or empty
};

// Of a condition's or a fault's message: without what becomes of the deployment, and with the log apart.
Said said(std::string_view message);
// "1 of 2 replicas of credit-3-8f2a1c40 are ready; …": what follows the count, or the whole.
std::string_view after_count(std::string_view text);
// "nothing went forward for 10m: 0 of 1 replica of …": what stands before the count, or the whole.
std::string without_count(std::string_view text);
// "credit-3-8f2a1c40: no trees": what stands behind the name.
std::string without_name(std::string_view text, std::string_view revision);
// "…; if they know, set …": what stands before the way out, which has a place of its own.
std::string without_advice(std::string_view text);
// Whether the count says that all are ready; nothing: it has no count.
std::optional<bool> all_ready(std::string_view text);

// What stands before such a quotation, or the whole.
std::string without_quoted(std::string_view message);
// A fault that a message quotes: "…; Hanging: it said nothing for 30s".
struct Quoted {
  Reason reason;
  std::string text;
};
std::optional<Quoted> quoted(std::string_view message);

}  // namespace slipway::why
