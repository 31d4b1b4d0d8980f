#include "adapters/native/ubjson.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace slipway::native {

using json::Kind;

bool Ubjson::fault(std::string_view what) {
  if (good()) error_.message = fmt::format("at byte {}: {}", offset(), what);
  return false;
}

void Ubjson::skip_padding() {
  while (at_ != end_ && *at_ == 'N') ++at_;
}

char Ubjson::look() {
  if (depth_ > 0 && open_[depth_ - 1].type != 0) return open_[depth_ - 1].type;
  skip_padding();
  return at_ == end_ ? '\0' : *at_;
}

bool Ubjson::take_marker(char& marker) {
  if (!good()) return false;
  marker = look();
  if (marker == 0) return fault("the file ends, expected a value");
  if (depth_ == 0 || open_[depth_ - 1].type == 0) ++at_;
  return true;
}

Kind Ubjson::peek() {
  if (!good()) return Kind::kNothing;
  switch (look()) {
    case '{':
      return Kind::kObject;
    case '[':
      return Kind::kArray;
    case 'S':
    case 'C':
      return Kind::kString;
    case 'T':
    case 'F':
      return Kind::kBool;
    case 'Z':
      return Kind::kNull;
    case 'i':
    case 'U':
    case 'I':
    case 'l':
    case 'L':
    case 'd':
    case 'D':
      return Kind::kNumber;
    default:
      return Kind::kNothing;
  }
}

template <class T>
bool Ubjson::big_endian(T& value) {
  if (left() < sizeof(T)) return fault("the file ends inside a number");
  std::array<char, sizeof(T)> bytes;
  std::memcpy(bytes.data(), at_, sizeof(T));
  std::reverse(bytes.begin(), bytes.end());
  value = std::bit_cast<T>(bytes);
  at_ += sizeof(T);
  return true;
}

bool Ubjson::integer_of(char marker, int64_t& value) {
  const auto widened = [&]<class T>(T narrow) {
    if (!big_endian(narrow)) return false;
    value = narrow;
    return true;
  };
  switch (marker) {
    case 'i':
      return widened(int8_t{});
    case 'U':
      return widened(uint8_t{});
    case 'I':
      return widened(int16_t{});
    case 'l':
      return widened(int32_t{});
    case 'L':
      return widened(int64_t{});
    default:
      return fault("expected an integer");
  }
}

bool Ubjson::read_count(int64_t& count) {
  if (at_ == end_) return fault("the file ends, expected a length");
  const char marker = *at_++;
  if (!integer_of(marker, count)) return false;
  if (count < 0) return fault("a negative length");
  return true;
}

bool Ubjson::text(std::string_view& value) {
  int64_t length = 0;
  if (!read_count(length)) return false;
  if (static_cast<uint64_t>(length) > left())
    return fault(fmt::format("a text of {} bytes, {} are left", length, left()));
  value = {at_, static_cast<size_t>(length)};
  at_ += length;
  return true;
}

bool Ubjson::push(bool is_object) {
  char marker = 0;
  if (!take_marker(marker)) return false;
  if (marker != (is_object ? '{' : '[')) return fault(is_object ? "expected an object" : "expected an array");
  if (depth_ == std::min(depth_limit_, kMaxDepth))
    return fault(fmt::format("nested deeper than {} levels", depth_));
  Open open{.is_object = is_object};
  if (at_ != end_ && *at_ == '$') {
    if (left() < 2 || is_object) return fault("objects of one type are not read");
    open.type = at_[1];
    at_ += 2;
    if (std::string_view("iUIlLdDSC").find(open.type) == std::string_view::npos)
      return fault("arrays of this type are not read");
    if (at_ == end_ || *at_ != '#') return fault("a typed array needs a count");
  }
  if (at_ != end_ && *at_ == '#') {
    ++at_;
    if (!read_count(open.left)) return false;
    // Each element takes a byte at least, so a count beyond what is left is a lie; it is told before anyone
    // makes room.
    if (static_cast<uint64_t>(open.left) > left())
      return fault(fmt::format("{} elements, {} bytes are left", open.left, left()));
  }
  open_[depth_++] = open;
  return true;
}

bool Ubjson::begin_object() { return push(true); }
bool Ubjson::begin_array() { return push(false); }

bool Ubjson::next_key(std::string_view& key) {
  if (!good()) return false;
  Open& open = open_[depth_ - 1];
  if (open.left == 0) return --depth_, false;
  skip_padding();
  if (open.left == kUncounted && at_ != end_ && *at_ == '}') {
    ++at_;
    --depth_;
    return false;
  }
  if (open.left > 0) --open.left;
  return text(key);
}

bool Ubjson::next_element() {
  if (!good()) return false;
  Open& open = open_[depth_ - 1];
  if (open.left == 0) return --depth_, false;
  if (open.left > 0) {
    --open.left;
    return true;
  }
  skip_padding();
  if (at_ != end_ && *at_ == ']') {
    ++at_;
    --depth_;
    return false;
  }
  return at_ != end_ || fault("the file ends inside an array");
}

bool Ubjson::read(std::string_view& value) {
  char marker = 0;
  if (!take_marker(marker)) return false;
  if (marker == 'S') return text(value);
  if (marker != 'C' || at_ == end_) return fault("expected a text");
  value = {at_++, 1};
  return true;
}

bool Ubjson::read(bool& value) {
  char marker = 0;
  if (!take_marker(marker)) return false;
  if (marker != 'T' && marker != 'F') return fault("expected true or false");
  value = marker == 'T';
  return true;
}

bool Ubjson::read(int64_t& value) {
  char marker = 0;
  return take_marker(marker) && integer_of(marker, value);
}

bool Ubjson::read(float& value) {
  char marker = 0;
  if (!take_marker(marker)) return false;
  if (marker == 'd') return big_endian(value);
  if (marker == 'D') {
    double wide = 0;
    if (!big_endian(wide)) return false;
    value = static_cast<float>(wide);
    return true;
  }
  int64_t whole = 0;
  if (!integer_of(marker, whole)) return fault("expected a number");
  value = static_cast<float>(whole);
  return true;
}

bool Ubjson::skip() {
  const size_t floor = depth_;
  do {
    std::string_view words;
    float number = 0;
    switch (peek()) {
      case Kind::kObject:
        if (!begin_object()) return false;
        break;
      case Kind::kArray:
        if (!begin_array()) return false;
        break;
      case Kind::kString:
        if (!read(words)) return false;
        break;
      case Kind::kNumber:
        if (!read(number)) return false;
        break;
      case Kind::kBool:
      case Kind::kNull:
        ++at_;
        break;
      default:
        return fault("expected a value");
    }
    while (depth_ > floor) {
      const bool more = open_[depth_ - 1].is_object ? next_key(words) : next_element();
      if (more) break;
      if (!good()) return false;
    }
  } while (depth_ > floor);
  return good();
}

bool Ubjson::finish() { return good() && (at_ == end_ || fault("unexpected bytes after the value")); }

}  // namespace slipway::native
