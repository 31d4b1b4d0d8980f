#include "system/kube/object.h"

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

// The texts of an object, by key; null counts as absent.
void read_texts(Scanner& in, std::span<const Wanted> wanted, int64_t* remaining = nullptr) {
  std::string_view key, text;
  if (in.peek() == Kind::kNull) {
    in.read_null();
    return;
  }
  if (!in.begin_object()) return;
  while (in.next_key(key)) {
    const Wanted* found = nullptr;
    for (const Wanted& one : wanted)
      if (one.key == key) found = &one;
    if (remaining != nullptr && key == "remainingItemCount") {
      read_advice(in, *remaining);
    } else if (found == nullptr || in.peek() == Kind::kNull) {
      in.skip();
    } else if (in.read(text)) {
      found->value = text;
    }
  }
}

Error broken(std::string_view what, const Error& error) {
  return {Code::kInvalid, fmt::format("{} is not what an API server sends: {}", what, error.message)};
}

}  // namespace

Result<Object> read_object(std::string_view json) {
  Object out{.json = std::string(json)};
  const std::array<Wanted, 4> wanted{Wanted{"name", out.name}, Wanted{"namespace", out.ns},
                                     Wanted{"uid", out.uid}, Wanted{"resourceVersion", out.resource_version}};
  Scanner in(out.json);
  std::string_view key;
  if (in.begin_object())
    while (in.next_key(key)) {
      if (key == "metadata")
        read_texts(in, wanted);
      else
        in.skip();
    }
  if (!in.finish()) return fail(broken("the object", in.error()));
  return out;
}

Result<ObjectList> read_object_list(std::string_view json) {
  ObjectList out;
  const std::array<Wanted, 2> wanted{Wanted{"resourceVersion", out.resource_version},
                                     Wanted{"continue", out.next}};
  Scanner in(json);
  std::string_view key, raw;
  if (in.begin_object())
    while (in.next_key(key)) {
      if (key == "metadata") {
        read_texts(in, wanted, &out.remaining);
      } else if (key != "items" || in.peek() == Kind::kNull) {
        in.skip();
      } else if (in.begin_array()) {
        while (in.next_element() && in.raw(raw)) {
          auto item = read_object(raw);
          if (!item) return fail(item.error());
          out.items.push_back(std::move(*item));
        }
      }
    }
  if (!in.finish()) return fail(broken("the list", in.error()));
  return out;
}

}  // namespace slipway::kube
