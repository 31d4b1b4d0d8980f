// SQLite's C interface with owners. One connection, one thread.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>

#include "values/base/result.h"

namespace slipway::local {

struct CloseConnection {
  void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
};
using Connection = std::unique_ptr<sqlite3, CloseConnection>;

// A prepared statement. Texts that are bound must live until the next reset.
class Query {
 public:
  Query() = default;
  Query(sqlite3* connection, std::string_view sql);

  bool valid() const { return statement_ != nullptr; }
  Query& bind(int column, std::string_view text);
  Query& bind(int column, int64_t number);
  // SQLITE_ROW, SQLITE_DONE or an error.
  int step() { return sqlite3_step(statement_.get()); }
  int run();  // one step and a reset
  std::string text(int column) const;
  int64_t number(int column) const { return sqlite3_column_int64(statement_.get(), column); }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

int execute(sqlite3* connection, const char* sql);

}  // namespace slipway::local
