#include "values/domain/selector.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "values/domain/names.h"

namespace slipway::domain {
namespace {

constexpr size_t kMaxRequirements = 64;
constexpr size_t kMaxValues = 256;

std::optional<int64_t> number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

class Selector::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Selector> parse() {
    Selector out;
    if (next().empty()) return out;
    while (true) {
      auto requirement = read_requirement();
      if (!requirement) return fail(requirement.error());
      out.requirements_.push_back(std::move(*requirement));
      if (out.requirements_.size() > kMaxRequirements)
        return fail(Code::kInvalid, "the selector has too many terms");
      const std::string_view token = take();
      if (token.empty()) return out;
      if (token != ",") return fail(Code::kInvalid, "found '{}', expected: ',' or 'end of string'", token);
    }
  }

 private:
  Result<Requirement> read_requirement() {
    Requirement out;
    const bool absent = next() == "!";
    if (absent) take();
    out.key = std::string(take());
    if (Status key = check_label_key(out.key); !key)
      return fail(Code::kInvalid, "unable to parse requirement: <nil>: Invalid value: \"{}\": {}", out.key,
                  key.error().message);
    const std::string_view token = next();
    if (absent || token.empty() || token == ",") {
      out.how = absent ? Operator::kAbsent : Operator::kExists;
      return out;
    }
    take();
    if (token == "=" || token == "==" || token == "!=")
      return one_value(std::move(out), token == "!=" ? Operator::kNotIn : Operator::kIn);
    if (token == ">" || token == "<")
      return one_value(std::move(out), token == ">" ? Operator::kGreater : Operator::kLess);
    if (token == "in" || token == "notin")
      return set(std::move(out), token == "in" ? Operator::kIn : Operator::kNotIn);
    return fail(Code::kInvalid,
                "unable to parse requirement: found '{}', expected: in, notin, =, ==, !=, gt, lt", token);
  }

  Result<Requirement> one_value(Requirement out, Operator how) {
    out.how = how;
    const std::string_view token = next();
    out.values.emplace_back(token == "," ? "" : take());
    if ((how == Operator::kGreater || how == Operator::kLess) && !number(out.values[0]))
      return fail(Code::kInvalid,
                  "unable to parse requirement: for 'Gt', 'Lt' operators, the value must be an integer");
    return checked(std::move(out));
  }

  Result<Requirement> set(Requirement out, Operator how) {
    out.how = how;
    if (const std::string_view open = take(); open != "(")
      return fail(Code::kInvalid, "unable to parse requirement: found '{}' expected: '('", open);
    while (out.values.size() < kMaxValues) {
      const std::string_view token = next();
      out.values.emplace_back(token == "," || token == ")" ? "" : take());
      const std::string_view after = take();
      if (after == ")") return checked(std::move(out));
      if (after != ",")
        return fail(Code::kInvalid, "unable to parse requirement: found '{}', expected: ',', or ')'", after);
    }
    return fail(Code::kInvalid, "unable to parse requirement: too many values");
  }

  static Result<Requirement> checked(Requirement out) {
    for (const std::string& value : out.values)
      if (Status fine = check_label_value(value); !fine)
        return fail(Code::kInvalid, "unable to parse requirement: values[0][{}]: Invalid value: \"{}\": {}",
                    out.key, value, fine.error().message);
    return out;
  }

  static bool is_special(char c) { return std::string_view("=!(),<>").find(c) != std::string_view::npos; }

  std::string_view next() {
    const size_t kept = at_;
    const std::string_view token = take();
    at_ = kept;
    return token;
  }

  std::string_view take() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    const size_t start = at_;
    if (at_ == text_.size()) return {};
    if (is_special(text_[at_])) {
      const std::string_view two = text_.substr(at_, 2);
      at_ += two == "==" || two == "!=" ? 2 : 1;
    } else {
      while (at_ < text_.size() && text_[at_] != ' ' && !is_special(text_[at_])) ++at_;
    }
    return text_.substr(start, at_ - start);
  }

  std::string_view text_;
  size_t at_ = 0;
};

Result<Selector> Selector::parse(std::string_view text) { return Parser(text).parse(); }

bool Selector::holds(const Requirement& requirement, const Labels& labels) {
  const auto at = labels.find(requirement.key);
  const bool there = at != labels.end();
  const auto named = [&] {
    return there && std::find(requirement.values.begin(), requirement.values.end(), at->second) !=
                        requirement.values.end();
  };
  switch (requirement.how) {
    case Operator::kIn:
      return named();
    case Operator::kNotIn:
      return !named();
    case Operator::kExists:
      return there;
    case Operator::kAbsent:
      return !there;
    case Operator::kGreater:
    case Operator::kLess: {
      const auto value = there ? number(at->second) : std::nullopt;
      const int64_t bound = *number(requirement.values[0]);
      return value && (requirement.how == Operator::kGreater ? *value > bound : *value < bound);
    }
  }
  return false;
}

bool Selector::matches(const Labels& labels) const {
  return std::all_of(requirements_.begin(), requirements_.end(),
                     [&](const Requirement& each) { return holds(each, labels); });
}

}  // namespace slipway::domain
