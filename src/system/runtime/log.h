// The log: a constant message with fields, one line each on standard error. People at a terminal get a
// readable line, everything else gets JSON.
//
//   log::info("server", "model loaded", {{"model", name}, {"seconds", seconds}});
//
// Thread-safe; a line is one write(). Not for the request path.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace slipway::runtime::log {

enum class Level { kDebug, kInfo, kWarn, kError };
enum class Form { kJson, kReadable };

struct Field {
  std::string_view name;
  std::variant<std::string, int64_t, double> value;

  Field(std::string_view n, std::string v) : name(n), value(std::move(v)) {}
  Field(std::string_view n, std::string_view v) : name(n), value(std::string(v)) {}
  Field(std::string_view n, const char* v) : name(n), value(std::string(v)) {}
  Field(std::string_view n, int64_t v) : name(n), value(v) {}
  Field(std::string_view n, int v) : name(n), value(static_cast<int64_t>(v)) {}
  Field(std::string_view n, size_t v) : name(n), value(static_cast<int64_t>(v)) {}
  Field(std::string_view n, double v) : name(n), value(v) {}
};
using Fields = std::initializer_list<Field>;

// Sets the level, chooses the form by what standard error is, and sends BUG() here. Call once, first in main.
void start(Level level);

// `room` is the room that speaks.
void write(Level level, std::string_view room, std::string_view message, Fields fields = {});
inline void info(std::string_view room, std::string_view message, Fields fields = {}) {
  write(Level::kInfo, room, message, fields);
}
inline void warn(std::string_view room, std::string_view message, Fields fields = {}) {
  write(Level::kWarn, room, message, fields);
}
inline void error(std::string_view room, std::string_view message, Fields fields = {}) {
  write(Level::kError, room, message, fields);
}

// One line's content; `time` as RFC 3339.
struct Record {
  Level level;
  std::string_view time, room, message;
  Fields fields;
};

// The line as write() makes it.
std::string format(Form form, const Record& record);

}  // namespace slipway::runtime::log
