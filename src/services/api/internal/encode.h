// How objects are shown: as they are, or as rows of a table. Any thread.
#pragma once

#include <memory>
#include <string>

#include "ports/store/store.h"
#include "services/api/internal/status.h"
#include "system/runtime/mutex.h"
#include "values/schema/definition.h"

namespace slipway::api {

enum class Form : uint8_t { kObject, kTable };
enum class Columns : uint8_t { kShown, kLeftOut };            // of a table
enum class RowObject : uint8_t { kNone, kMetadata, kWhole };  // includeObject

struct View {
  Form form = Form::kObject;
  RowObject row_object = RowObject::kMetadata;
};

// By the Accept header: what we have of what is asked for, in the order of the client; nothing: 406.
std::optional<View> choose_view(std::string_view accept, std::string_view include_object);
Failure not_acceptable();

void append_row(const schema::Definition& of, const domain::Object& object, RowObject row_object,
                WallTime now, std::string& out);
// {"kind":"Table",…,"columnDefinitions":[…],"rows":[ — the rows and their end are the caller's.
void append_table_head(const schema::Definition& of, std::string_view list_meta, Columns columns,
                       std::string& out);
std::string encode(const schema::Definition& of, const domain::Object& object, const View& view,
                   WallTime now);

}  // namespace slipway::api
