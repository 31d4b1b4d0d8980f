// Makes JSON text out of a stream of nodes, and holds the stream to its limits. The caller opens, closes and
// puts keys where they belong; who reads a node at a key's place asks first.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "system/kube/yaml.h"
#include "values/json/writer.h"

namespace slipway::kube::internal {

class JsonBuilder {  // one thread at a time
 public:
  explicit JsonBuilder(const YamlLimits& limits) : limits_(limits) {}
  JsonBuilder(const JsonBuilder&) = delete;
  JsonBuilder& operator=(const JsonBuilder&) = delete;

  bool wants_key() const { return !open_.empty() && open_.back().wants_key; }
  bool whole() const { return open_.empty() && !text_.empty(); }

  Status begin_mapping();
  Status begin_list();
  void end();
  Status key(std::string_view name);  // kInvalid when it stands in its mapping already
  Status text(std::string_view value);
  Status literal(std::string_view json);  // a number, true, false or null

  // The value that is whole, and makes room for the next.
  std::string take();

 private:
  struct Open {
    bool mapping = false, wants_key = false;
    std::set<std::string, std::less<>> keys;
  };
  Status count();
  Status open(Open container);
  void close_value();

  const YamlLimits limits_;
  size_t nodes_ = 0;
  std::vector<Open> open_;
  std::string text_;
  std::optional<json::Writer> writer_{text_};
};

// At most so much of a stranger's text as a message should show.
std::string_view shortened(std::string_view text);

}  // namespace slipway::kube::internal
