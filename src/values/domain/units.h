// Quantities as manifests write them: times as Go does, processors and bytes as Kubernetes does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "values/base/result.h"
#include "values/base/time.h"

namespace slipway::domain {

// "1m30s", "500ms", "2.5h"; units ms, s, m, h. kInvalid otherwise, and beyond 100 years.
Result<Duration> parse_duration(std::string_view text);
// The shortest such text, to the millisecond: "1m30s", "0s".
std::string duration_text(Duration duration);

// Thousandths of a processor: "1" → 1000, "500m" → 500, "1.5" → 1500.
Result<int64_t> parse_cpu(std::string_view text);
// Bytes: "512Mi", "2G", "1024".
Result<int64_t> parse_bytes(std::string_view text);

// A time as rfc3339() writes it, with or without milliseconds.
std::optional<WallTime> parse_time(const std::string& text);

}  // namespace slipway::domain
