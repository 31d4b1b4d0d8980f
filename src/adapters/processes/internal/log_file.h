// A replica's log, as far as whoever starts it cares: it does not grow for ever, and its end says why the
// replica ended.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace slipway::processes {

// Moves a log that is larger to `<path>.1`, over what was there. Gives the size that the log has now.
uint64_t rotate_log(const std::string& path, uint64_t largest);

// Removes all but the newest so many logs of replicas in that folder, of those whose revision is not `kept`.
void trim_logs(const std::string& folder, const std::function<bool(std::string_view revision)>& kept,
               size_t most);

// The last lines, at most 4 KiB, of what was written from `from` on; as one line each, without anything that
// a terminal would obey or that is no UTF-8. Empty when there is nothing.
std::string log_tail(const std::string& path, uint64_t from);

// Pure: the same of these bytes.
std::string tail_of(std::string_view bytes);
// The last line of such a tail, without the word "error: " before it.
std::string_view last_line(std::string_view tail);

}  // namespace slipway::processes
