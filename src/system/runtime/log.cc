#include "system/runtime/log.h"

#include <unistd.h>

#include <atomic>

#include "values/base/bug.h"
#include "values/base/time.h"
#include "values/json/writer.h"

namespace slipway::runtime::log {
namespace {

std::atomic<Level> g_level{Level::kInfo};
std::atomic<Form> g_form{Form::kJson};

std::string_view name(Level level) {
  constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};
  return kNames[static_cast<int>(level)];
}

void on_bug(const char* file, int line, const std::string& message) {
  write(Level::kError, "base", "BUG", {{"where", fmt::format("{}:{}", file, line)}, {"what", message}});
}

std::string readable(Level level, std::string_view time, std::string_view room, std::string_view message,
                     Fields fields) {
  std::string line = fmt::format("{} {:<5} {:<8} {}", time.substr(11, 12), name(level), room, message);
  for (const Field& field : fields)
    std::visit([&](const auto& value) { line += fmt::format("  {}={}", field.name, value); }, field.value);
  return line;
}

}  // namespace

std::string format(Form form, Level level, std::string_view time, std::string_view room,
                   std::string_view message, Fields fields) {
  if (form == Form::kReadable) return readable(level, time, room, message, fields);
  std::string line;
  json::Writer(line).object([&](json::Writer& out) {
    out.key("time")
        .value(time)
        .key("level")
        .value(name(level))
        .key("room")
        .value(room)
        .key("message")
        .value(message);
    for (const Field& field : fields) {
      out.key(field.name);
      std::visit([&](const auto& value) { out.value(value); }, field.value);
    }
  });
  return line;
}

void start(Level level) {
  g_level = level;
  g_form = ::isatty(STDERR_FILENO) ? Form::kReadable : Form::kJson;
  base::set_bug_hook(on_bug);
}

void write(Level level, std::string_view room, std::string_view message, Fields fields) {
  if (level < g_level.load(std::memory_order_relaxed)) return;
  const std::string time = base::rfc3339(std::chrono::system_clock::now());
  const std::string line = format(g_form, level, time, room, message, fields) + "\n";
  [[maybe_unused]] const ssize_t put = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace slipway::runtime::log
