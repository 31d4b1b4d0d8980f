// Any text as what an API server sends: an object, a list, a Status, a line of a watch. Each is read or
// refused in words.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "system/kube/api_error.h"
#include "system/kube/internal/event_stream.h"
#include "system/kube/internal/warnings.h"
#include "system/kube/object.h"

using namespace slipway;

// What is kept says the same as what came, and all of it but for managedFields.
static bool is_same(const kube::Object& object, std::string_view text) {
  if (text.find("managedFields") == std::string_view::npos && text.find('\\') == std::string_view::npos)
    return object.json == text;
  auto again = kube::read_object(object.json);
  if (!again || object.json.size() > text.size()) return false;
  again->json = object.json;
  return *again == object;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto object = kube::read_object(text);
  if (object ? !is_same(*object, text) : object.error().message.empty()) std::abort();
  const auto list = kube::read_object_list(text);
  if (!list && list.error().message.empty()) std::abort();
  if (list && list->items.size() > size / 2) std::abort();
  const std::string_view other = text.substr(text.size() / 2);
  if (kube::is_older(text, other) && kube::is_older(other, text)) std::abort();
  const auto status = kube::read_status(text);
  if (status.error.message.empty() || status.causes.size() > 100) std::abort();
  const auto event = kube::internal::read_event(text);
  if (!event && event.error().error.message.empty()) std::abort();
  if (kube::internal::read_warnings(text).size() > size) std::abort();
  return 0;
}
