#include "system/kube/object.h"

#include <algorithm>
#include <array>
#include <span>

#include "values/json/scanner.h"

namespace slipway::kube {
namespace {

using json::Kind;
using json::Scanner;

struct Wanted {
  std::string_view key;
  std::string& value;
};

// A whole number; what else stands there is passed over: it is only ever advice.
void read_advice(Scanner& in, int64_t& out) {
  if (in.peek() == Kind::kNumber)
    in.read(out);
  else
    in.skip();
}

// The text of one field, where it is wanted; null counts as absent.
void read_text(Scanner& in, std::string_view key, std::span<const Wanted> wanted) {
  const auto found = std::ranges::find(wanted, key, &Wanted::key);
  std::string_view text;
  if (found == wanted.end() || in.peek() == Kind::kNull)
    in.skip();
  else if (in.read(text))
    found->value = text;
}

// False: there is none, for which null may stand.
bool begin_metadata(Scanner& in) { return in.peek() == Kind::kNull ? !in.read_null() : in.begin_object(); }

// What to leave out of a text; empty: nothing.
struct Cut {
  size_t begin = 0, end = 0;
};

// Gives where metadata.managedFields stands, with a comma of those around it.
Cut read_metadata(Scanner& in, std::string_view json, std::span<const Wanted> wanted) {
  Cut cut;
  if (!begin_metadata(in)) return cut;
  const size_t begin = in.offset();
  size_t before = begin;
  for (std::string_view key; in.next_key(key); before = in.offset()) {
    if (key != "managedFields" || cut.end != 0) {
      read_text(in, key, wanted);
      continue;
    }
    in.skip();
    cut = {before, in.offset()};
  }
  if (!in.good() || cut.begin != begin || cut.end == 0) return cut;
  // It was the first: the comma behind it goes, where there is one.
  const size_t next = json.find_first_not_of(" \t\r\n", cut.end);
  if (json[next] == ',') cut.end = next + 1;
  return cut;
}

std::string without(std::string_view text, const Cut& cut) {
  std::string out;
  out.reserve(text.size() - (cut.end - cut.begin));  // no more: many objects are kept
  out.append(text.substr(0, cut.begin)).append(text.substr(cut.end));
  return out;
}

Error broken(std::string_view what, const Error& error) {
  return {Code::kInvalid, fmt::format("{} is not what an API server sends: {}", what, error.message)};
}

}  // namespace

bool is_older(std::string_view version, std::string_view other) {
  constexpr std::string_view kDigits = "0123456789";
  for (std::string_view* each : {&version, &other}) {
    if (each->empty() || each->find_first_not_of(kDigits) != std::string_view::npos) return false;
    each->remove_prefix(std::min(each->find_first_not_of('0'), each->size()));
  }
  return version.size() != other.size() ? version.size() < other.size() : version < other;
}

Result<Object> read_object(std::string_view json, ManagedFields fields) {
  Object out;
  const std::array<Wanted, 4> wanted{Wanted{"name", out.name}, Wanted{"namespace", out.ns},
                                     Wanted{"uid", out.uid}, Wanted{"resourceVersion", out.resource_version}};
  Cut cut;
  Scanner in(json);
  std::string_view key;
  if (in.begin_object())
    while (in.next_key(key)) {
      if (key != "metadata") {
        in.skip();
        continue;
      }
      const Cut here = read_metadata(in, json, wanted);
      if (cut.end == 0) cut = here;
    }
  if (!in.finish()) return fail(broken("the object", in.error()));
  out.json = fields == ManagedFields::kKept ? std::string(json) : without(json, cut);
  return out;
}

Result<ObjectList> read_object_list(std::string_view json, ManagedFields fields) {
  ObjectList out;
  const std::array<Wanted, 2> wanted{Wanted{"resourceVersion", out.resource_version},
                                     Wanted{"continue", out.next}};
  Scanner in(json);
  std::string_view key, raw;
  if (in.begin_object())
    while (in.next_key(key)) {
      if (key == "metadata") {
        if (begin_metadata(in))
          while (in.next_key(key))
            key == "remainingItemCount" ? read_advice(in, out.remaining) : read_text(in, key, wanted);
      } else if (key != "items" || in.peek() == Kind::kNull) {
        in.skip();
      } else if (in.begin_array()) {
        while (in.next_element() && in.raw(raw)) {
          auto item = read_object(raw, fields);
          if (!item) return fail(item.error());
          out.items.push_back(std::move(*item));
        }
      }
    }
  if (!in.finish()) return fail(broken("the list", in.error()));
  return out;
}

}  // namespace slipway::kube
