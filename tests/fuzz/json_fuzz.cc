// Any text: scanned without a fault it must be written and scanned again to the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "values/json/scanner.h"
#include "values/json/writer.h"

using slipway::json::Kind;
using slipway::json::Scanner;
using slipway::json::Writer;

namespace {

bool copy(Scanner& in, Writer& out) {  // NOLINT(misc-no-recursion): the scanner's depth limit ends it
  std::string_view text;
  bool flag = false;
  double number = 0;
  switch (in.peek()) {
    case Kind::kObject:
      if (!in.begin_object()) return false;
      out.begin_object();
      while (in.next_key(text)) {
        out.key(text);
        if (!copy(in, out)) return false;
      }
      out.end_object();
      return in.good();
    case Kind::kArray:
      if (!in.begin_array()) return false;
      out.begin_array();
      while (in.next_element())
        if (!copy(in, out)) return false;
      out.end_array();
      return in.good();
    case Kind::kString:
      return in.read(text) && (out.value(text), true);
    case Kind::kBool:
      return in.read(flag) && (out.value(flag), true);
    case Kind::kNull:
      return in.read_null() && (out.null(), true);
    default:
      return in.read(number) && (out.value(number), true);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Scanner skipped(text);
  skipped.skip();
  const bool skips = skipped.finish();
  Scanner in(text);
  std::string first, second;
  Writer writer(first);
  if (!copy(in, writer) || !in.finish()) return 0;  // may refuse more than skip does: numbers out of range
  if (!skips) std::abort();
  Scanner again(first);
  Writer rewriter(second);
  if (!copy(again, rewriter) || !again.finish() || first != second) std::abort();
  return 0;
}
