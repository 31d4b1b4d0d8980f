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

std::string readable(const Record& record) {
  std::string line = fmt::format("{} {:<5} {:<8} {}", record.time.substr(11, 12), name(record.level),
                                 record.room, record.message);
  for (const Field& field : record.fields)
    std::visit([&](const auto& value) { line += fmt::format("  {}={}", field.name, value); }, field.value);
  return line;
}

}  // namespace

std::string format(Form form, const Record& record) {
  if (form == Form::kReadable) return readable(record);
  std::string line;
  json::Writer(line).object([&](json::Writer& out) {
    out.key("time").value(record.time).key("level").value(name(record.level));
    out.key("room").value(record.room).key("message").value(record.message);
    for (const Field& field : record.fields) {
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
  const std::string line =
      format(g_form, {.level = level, .time = time, .room = room, .message = message, .fields = fields}) +
      "\n";
  [[maybe_unused]] const ssize_t put = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace slipway::runtime::log
