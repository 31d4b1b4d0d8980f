#include "system/kube/apply.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipway::kube {
namespace {

using json::Document;

Document of(const char* text) { return *json::parse_document(text); }

struct Case {
  const char *what, *live, *intent;
  bool covered;
};

class Covers : public testing::TestWithParam<Case> {};

TEST_P(Covers, IsAsTheCaseSays) {
  const Case& c = GetParam();
  EXPECT_EQ(covers(of(c.live), of(c.intent)), c.covered) << c.what;
}

INSTANTIATE_TEST_SUITE_P(
    Table, Covers,
    testing::Values(Case{"what others added does not matter", R"({"a":1,"b":2})", R"({"a":1})", true},
                    Case{"another value does", R"({"a":2})", R"({"a":1})", false},
                    Case{"what is missing does", R"({})", R"({"a":1})", false},
                    Case{"an empty mapping may be missing", R"({})", R"({"emptyDir":{}})", true},
                    Case{"an empty list may not", R"({})", R"({"list":[]})", false},
                    Case{"items are found by their names, in any order",
                         R"({"c":[{"name":"mesh"},{"name":"server","image":"x","y":1}]})",
                         R"({"c":[{"name":"server","image":"x"}]})", true},
                    Case{"one of that name must be as wanted", R"({"c":[{"name":"server","image":"y"}]})",
                         R"({"c":[{"name":"server","image":"x"}]})", false},
                    Case{"mounts go by their path",
                         R"({"m":[{"mountPath":"/a","name":"v"},{"mountPath":"/b","name":"v"}]})",
                         R"({"m":[{"mountPath":"/b","name":"v"}]})", true},
                    Case{"owners go by their uid", R"({"o":[{"uid":"1","name":"a"},{"uid":"2","name":"a"}]})",
                         R"({"o":[{"uid":"2","name":"a"}]})", true},
                    Case{"lists without keys are compared as a whole", R"({"args":["a","b"]})",
                         R"({"args":["a"]})", false},
                    Case{"and item by item", R"({"args":["a","b"]})", R"({"args":["a","b"]})", true},
                    Case{"another shape is another value", R"({"a":[1]})", R"({"a":{"b":1}})", false}));

}  // namespace
}  // namespace slipway::kube
