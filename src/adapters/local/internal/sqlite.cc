#include "adapters/local/internal/sqlite.h"

namespace slipway::local {

Query::Query(sqlite3* connection, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v3(connection, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                     &statement, nullptr);
  statement_.reset(statement);
}

Query& Query::bind(int column, std::string_view text) {
  sqlite3_bind_text(statement_.get(), column, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  return *this;
}

Query& Query::bind(int column, int64_t number) {
  sqlite3_bind_int64(statement_.get(), column, number);
  return *this;
}

int Query::run() {
  const int result = sqlite3_step(statement_.get());
  sqlite3_reset(statement_.get());
  return result;
}

std::string Query::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return bytes == nullptr
             ? ""
             : std::string(bytes, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

int execute(sqlite3* connection, const char* sql) {
  return sqlite3_exec(connection, sql, nullptr, nullptr, nullptr);
}

}  // namespace slipway::local
