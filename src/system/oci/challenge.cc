#include "system/oci/challenge.h"

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "values/json/document.h"

namespace slipway::oci {
namespace {

constexpr size_t kHeaderBytes = 4096;
constexpr size_t kTokenBytes = 16 << 10;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_word(std::string_view a, std::string_view lower_case) {
  return std::ranges::equal(a, lower_case, [](char x, char y) { return lower(x) == y; });
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// Reads `Bearer realm="…",scope="a,b", Basic realm="…"` from the left.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  void skip(std::string_view any_of) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(any_of), rest_.size()));
  }
  std::string_view word() {
    const auto end = std::ranges::find_if_not(rest_, is_word);
    const std::string_view out(rest_.begin(), end);
    rest_.remove_prefix(out.size());
    return out;
  }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // A word, or what stands between quotes.
  std::string value() {
    if (!take('"')) return std::string(word());
    std::string out;
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      out += rest_.front();
      rest_.remove_prefix(1);
    }
    take('"');
    return out;
  }
  bool done() const { return rest_.empty(); }
  void give_up() { rest_ = {}; }

 private:
  std::string_view rest_;
};

void set(Challenge& challenge, std::string_view name, std::string value) {
  if (same_word(name, "realm")) challenge.realm = std::move(value);
  if (same_word(name, "service")) challenge.service = std::move(value);
  if (same_word(name, "scope")) challenge.scope = std::move(value);
}

Challenge::Scheme scheme_of(std::string_view word) {
  return same_word(word, "bearer")  ? Challenge::Scheme::kBearer
         : same_word(word, "basic") ? Challenge::Scheme::kBasic
                                    : Challenge::Scheme::kNone;
}

// A word with '=' behind it is a parameter of the scheme before it; without, a scheme.
std::vector<Challenge> read_header(std::string_view text) {
  std::vector<Challenge> out;
  Reader reader(text.substr(0, kHeaderBytes));
  while (!reader.done()) {
    reader.skip(" \t,");
    const std::string_view word = reader.word();
    if (word.empty()) break;
    reader.skip(" \t");
    if (!reader.take('=')) {
      out.push_back({.scheme = scheme_of(word), .realm = {}, .service = {}, .scope = {}});
      continue;
    }
    reader.skip(" \t");
    if (std::string value = reader.value(); !out.empty()) set(out.back(), word, std::move(value));
  }
  return out;
}

}  // namespace

Challenge read_challenge(const http::Response& response) {
  std::optional<Challenge> basic;
  for (const auto& [name, value] : response.headers) {
    if (name != "www-authenticate") continue;
    for (const Challenge& each : read_header(value)) {
      if (each.scheme == Challenge::Scheme::kBearer && !each.realm.empty()) return each;
      if (each.scheme == Challenge::Scheme::kBasic && !basic) basic = each;
    }
  }
  return basic.value_or(Challenge{});
}

Result<Place> parse_place(std::string_view text) {
  const size_t scheme = text.find("://");
  const size_t slash = scheme == std::string_view::npos ? scheme : text.find_first_of("/?#", scheme + 3);
  const std::string_view origin = text.substr(0, slash);
  // A name before an '@' would be credentials, or look like the host; some read '\\' as a '/'.
  if (scheme == std::string_view::npos || origin.find_first_of("@\\") != std::string_view::npos)
    return fail(Code::kInvalid, "'{}' is no place to ask", text.substr(0, 200));
  auto url = http::parse_url(origin);
  if (!url) return fail(url.error());
  std::string target(slash == std::string_view::npos ? "/"
                                                     : text.substr(slash, text.find('#', slash) - slash));
  if (!target.starts_with('/')) target = "/" + target;
  return Place{.url = std::move(*url), .target = std::move(target)};
}

Result<Token> read_token(std::string_view body) {
  const auto document = json::parse_document(body, {.bytes = 256 << 10});
  if (!document) return fail(Code::kInvalid, "its answer is not JSON");
  Token out{.text = json::text_of(*document, "token")};
  if (out.text.empty()) out.text = json::text_of(*document, "access_token");
  const bool fit = !out.text.empty() && out.text.size() <= kTokenBytes &&
                   std::ranges::all_of(out.text, [](char c) { return c > ' ' && c < 0x7F; });
  if (!fit) return fail(Code::kInvalid, "its answer holds no token");
  if (const json::Document& seconds = json::member(*document, "expires_in"); seconds.is_number_integer())
    out.seconds = static_cast<int>(std::clamp<int64_t>(seconds.get<int64_t>(), 1, 86400));
  return out;
}

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace slipway::oci
