#include "system/kube/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::kube {
namespace {

using ::testing::HasSubstr;

// The one document's JSON, or the error's text.
std::string read(std::string_view text, const YamlLimits& limits = {}) {
  const auto documents = yaml_to_json(text, "f.yaml", limits);
  if (!documents) return documents.error().message;
  return documents->size() == 1 ? documents->front().json : fmt::format("{} documents", documents->size());
}

struct Row {
  std::string_view yaml, json;
};

TEST(Yaml, ReadsPlainScalarsAsKubectlDoes) {
  const std::vector<Row> rows = {
      {"true", "true"},
      {"True", "true"},
      {"TRUE", "true"},
      {"tRue", R"("tRue")"},
      {"yes", "true"},
      {"y", "true"},
      {"N", "false"},
      {"No", "false"},
      {"on", "true"},
      {"OFF", "false"},
      {"~", "null"},
      {"Null", "null"},
      {"NULL", "null"},
      {"nULL", R"("nULL")"},
      {"", "null"},
      {"1", "1"},
      {"+12", "12"},
      {"-1", "-1"},
      {"00", "0"},
      {"017", "15"},
      {"0o17", "15"},
      {"+0O7", "7"},
      {"-017", "-15"},
      {"018", "18"},
      {"0x1F", "31"},
      {"-0x1F", "-31"},
      {"0X1F", "31"},
      {"0b11", "3"},
      {"0x", R"("0x")"},
      {"0o18", R"("0o18")"},
      {"0x1p3", R"("0x1p3")"},
      {"1_000", "1000"},
      {"1__0", "10"},
      {"_1", R"("_1")"},
      {"-_5", "-5"},
      {"._5", R"("._5")"},
      {".5_1", "0.51"},
      {"1_2.5", "12.5"},
      {"9223372036854775807", "9223372036854775807"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"18446744073709551615", "18446744073709551615"},
      {"-9223372036854775809", "-9223372036854775808"},
      {"123456789012345678901", "123456789012345683968"},
      {"0x8000000000000000", "9223372036854775808"},
      {".5", "0.5"},
      {"+.5", "0.5"},
      {"-.5", "-0.5"},
      {"1.", "1"},
      {"1e3", "1000"},
      {"1e+3", "1000"},
      {"1.e3", "1000"},
      {".5e1", "5"},
      {"0.1e-7", "1e-08"},
      {"1e-400", "0"},
      {"-0.0", "0"},
      {"1.0e6", "1000000"},
      {"1e20", "100000000000000000000"},
      {"-1e21", "-1e+21"},
      {"08.5", "8.5"},
      {".", R"(".")"},
      {"-.", R"("-.")"},
      {"+", R"("+")"},
      {"5e", R"("5e")"},
      {"1d", R"("1d")"},
      {"inf", R"("inf")"},
      {"nan", R"("nan")"},
      {"Infinity", R"("Infinity")"},
      {"1:30", R"("1:30")"},
      {"190:20:30", R"("190:20:30")"},
      {"2001-01-01", R"("2001-01-01")"},
      {"2001-01-01T00:00:00Z", R"("2001-01-01T00:00:00Z")"},
      {"=", R"("=")"},
      {"<<", R"("<<")"},
      {"a b  # c", R"("a b")"},
      {"'1'", R"("1")"},
      {"\"yes\"", R"("yes")"},
      {"''", R"("")"},
      {"'it''s'", R"("it's")"},
      {R"("\x41\u00e9\U0001F600\0\/")", "\"Aé😀\\u0000/\""},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(read(fmt::format("a: {}\n", row.yaml)), fmt::format("{{\"a\":{}}}", row.json)) << row.yaml;
  }
}

TEST(Yaml, ReadsBlocksAndFlows) {
  const std::vector<Row> rows = {
      {"a:\n  b: [1, {c: d}]\n  e:\n  - f\n  - - g\n", R"({"a":{"b":[1,{"c":"d"}],"e":["f",["g"]]}})"},
      {"- |\n  x\n   y\n- >-\n  x\n  y\n- |+\n  x\n\n", R"(["x\n y\n","x y","x\n\n"])"},
      {"{a: 1, \"b\":2, c: , d}", R"({"a":1,"b":2,"c":null,"d":null})"},
      {"? a\n: 1\n", R"({"a":1})"},
      {"\xEF\xBB\xBF"
       "a: 1\r\nb: 2\r\n",
       R"({"a":1,"b":2})"},
      {"1: a\n-5: b\ntrue: c\n'010': d\n'': e\n", R"({"1":"a","-5":"b","true":"c","010":"d","":"e"})"},
      {"%YAML 1.1\n---\na\n...\n", R"("a")"},
  };
  for (const Row& row : rows) EXPECT_EQ(read(row.yaml), row.json) << row.yaml;
}

TEST(Yaml, ReadsJsonWithAllItsEscapes) {
  EXPECT_EQ(read(R"( {"a": [1.50, -0, 1e2, true, null, "\ud83d\ude00\/\n"]} )"),
            R"({"a":[1.50,-0,1e2,true,null,"😀/\n"]})");
  EXPECT_EQ(read("{\n\t\"a\": {\n\t\t\"b\": []\n\t}\n}\n"), R"({"a":{"b":[]}})");
  const std::string long_key(5000, 'k');
  EXPECT_EQ(read("{\"" + long_key + "\":1}"), "{\"" + long_key + "\":1}");
  EXPECT_EQ(read("{\"a\": 1,\n \"a\": 2}"),
            "f.yaml:2:2: the key 'a' stands twice in this mapping; remove one");
}

TEST(Yaml, ReadsDocumentsAndLeavesOutEmptyOnes) {
  const auto documents = yaml_to_json("# only words\n---\n---\na: 1\n---\nnull\n---\n\n- 2\n...\n---\n", "f");
  ASSERT_TRUE(documents) << documents.error().message;
  EXPECT_EQ(*documents, (std::vector<YamlDocument>{{R"({"a":1})", 4}, {"[2]", 9}}));
  EXPECT_TRUE(yaml_to_json("", "f")->empty());
  EXPECT_TRUE(yaml_to_json("# nothing\n", "f")->empty());
}

TEST(Yaml, RefusesWithLineAndColumn) {
  const std::vector<Row> rows = {
      {"a: &x 1\n", "f.yaml:1:4: anchors (&x) are not read; write the value out where it is needed"},
      {"a:\n  - *x\n", "f.yaml:2:5: aliases (*x) are not read; write the value out"},
      {"a: !!str 1\n", "f.yaml:1:4: tags (tag:yaml.org,2002:str) are not read; quote a value that is text"},
      {"a: ! 1\n", "f.yaml:1:4: tags (!) are not read; quote a value that is text"},
      {"a: !x [1]\n", "f.yaml:1:4: tags (!x) are not read; quote a value that is text"},
      {"a: &x {}\n", "f.yaml:1:4: anchors (&x) are not read; write the value out where it is needed"},
      {"<<: {a: 1}\n", "f.yaml:1:1: merge keys (<<) are not read; write the fields out"},
      {"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: the key 'a' stands twice in this mapping; remove one"},
      {"a: 1\n'a': 3\n", "f.yaml:2:1: the key 'a' stands twice in this mapping; remove one"},
      {"yes: 1\n", "f.yaml:1:1: the key 'yes' would not be read as it is written; quote it: \"yes\""},
      {"010: 1\n", "f.yaml:1:1: the key '010' would not be read as it is written; quote it: \"010\""},
      {"1.5e1: 1\n", "f.yaml:1:1: the key '1.5e1' would not be read as it is written; quote it: \"1.5e1\""},
      {"null: 1\n", "f.yaml:1:1: null cannot be a key; quote it: \"null\""},
      {"? [a]\n: 1\n", "f.yaml:1:3: a key must be text, not a mapping or a list"},
      {"a: .nan\n", "f.yaml:1:4: .nan is a number that JSON does not have; quote it if it is text"},
      {"a: -.Inf\n", "f.yaml:1:4: -.Inf is a number that JSON does not have; quote it if it is text"},
      {"a: 1e400\n", "f.yaml:1:4: 1e400 is too large for a number; quote it if it is text"},
      {"a: 1\n  b: 2\n", "f.yaml:2:4: mapping values are not allowed in this context"},
      {"a: [1\n", "f.yaml:2:1: did not find expected ',' or ']' (while parsing a flow sequence)"},
      {"a: \"\\ud83d\"\n",
       "f.yaml:1:7: found invalid Unicode character escape code (while parsing a quoted scalar)"},
      {"a: \"b\xff\"\n", "f.yaml: byte 5: invalid leading UTF-8 octet"},
      {"a: \x01\n", "f.yaml: byte 3: control characters are not allowed"},
  };
  for (const Row& row : rows) EXPECT_EQ(read(row.yaml), row.json) << row.yaml;
  EXPECT_THAT(read("a:\n\tb: 1\n"), HasSubstr("f.yaml:2:1: "));
  EXPECT_THAT(read("a:\n\tb: 1\n"), HasSubstr("indent with spaces"));
}

TEST(Yaml, HoldsToItsLimits) {
  const auto refusal = [](const std::string& text, const YamlLimits& limits) {
    const auto documents = yaml_to_json(text, "f.yaml", limits);
    return documents ? Error{} : documents.error();
  };
  EXPECT_EQ(refusal("a: 1\n", {.bytes = 4}),
            (Error{Code::kTooLarge, "f.yaml: has 5 bytes; at most 4 are read"}));
  EXPECT_EQ(refusal("a:\n  b: {}\n", {.depth = 2}),
            (Error{Code::kTooLarge, "f.yaml:2:6: nested more than 2 levels deep"}));
  EXPECT_EQ(refusal("[1, 2,\n 3]", {.nodes = 3}),
            (Error{Code::kTooLarge, "f.yaml:2:2: more than 3 values; split the file"}));
  EXPECT_EQ(refusal("--- a\n--- b\n--- c\n", {.documents = 2}),
            (Error{Code::kTooLarge, "f.yaml: more than 2 documents; split the file"}));
  EXPECT_EQ(refusal(std::string(1 << 20, '['), {}).message, "f.yaml:1:65: nested more than 64 levels deep");
  std::string tags;
  for (int i = 0; i < 60'000; ++i) tags += fmt::format("%TAG !{}! b\n", i);
  EXPECT_EQ(refusal(tags, {}).code, Code::kTooLarge);
  EXPECT_EQ(read(std::string(64, '[') + std::string(64, ']')).size(), 128U);
}

std::string written(std::string_view json) {
  const auto yaml = json_to_yaml(json);
  return yaml ? *yaml : yaml.error().message;
}

// Each was written by `kubectl -o yaml`.
TEST(YamlWriter, QuotesAsKubectlDoes) {
  const std::vector<Row> rows = {
      {"y", R"("y")"},
      {"no", R"("no")"},
      {"True", R"("True")"},
      {"null", R"("null")"},
      {"~", R"("~")"},
      {"", R"("")"},
      {"1", R"("1")"},
      {"1.5", R"("1.5")"},
      {"0x1F", R"("0x1F")"},
      {"1e3", R"("1e3")"},
      {".inf", R"(".inf")"},
      {"017", R"("017")"},
      {"08", R"("08")"},
      {"1_000", R"("1_000")"},
      {"2001-01-01", R"("2001-01-01")"},
      {"1:30", R"("1:30")"},
      {"- a", "'- a'"},
      {"a: b", "'a: b'"},
      {"a #b", "'a #b'"},
      {"#b", "'#b'"},
      {"[a", "'[a'"},
      {"{a", "'{a'"},
      {"*a", "'*a'"},
      {"&a", "'&a'"},
      {"!a", "'!a'"},
      {"%a", "'%a'"},
      {"@a", "'@a'"},
      {"`a", "'`a'"},
      {"'a", "'''a'"},
      {"\\\"a", "'\"a'"},
      {"|x", "'|x'"},
      {">", "'>'"},
      {"-", "'-'"},
      {"--", "--"},
      {"---", "'---'"},
      {"...", "'...'"},
      {"? a", "'? a'"},
      {":", "':'"},
      {"a:", "'a:'"},
      {"=", "="},
      {" a", "' a'"},
      {"a ", "'a '"},
      {"a\\tb", R"("a\tb")"},
      {"é", "é"},
      {"\\ud83d\\ude00", R"("\U0001F600")"},
      {"a, b", "a, b"},
      {"a]", "a]"},
      {"~a", "~a"},
      {"-x", "-x"},
      {"tr: x\\\\n", "'tr: x\\n'"},
      {"it's", "it's"},
      {"0x", "0x"},
      {"x \\ny", R"("x \ny")"},
      {"a\\rb", R"("a\rb")"},
      {"NaN", "NaN"},
      {"inf", "inf"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(written(fmt::format("[\"{}\"]", row.yaml)), fmt::format("- {}\n", row.json)) << row.yaml;
}

TEST(YamlWriter, WritesBlockStyle) {
  EXPECT_EQ(
      written(R"({"spec":{"l":[[1,2],[[]],[{}],[{"a":1,"b":[{"c":2}]}],{"x":[1]},"z",{"aa":{},"bb":[]}]},
                        "kind":"X","t":"a\nb\n","f":1.50,"n":null,"u":"a\n\n","w":"  lead\nx"})"),
      R"(f: 1.50
kind: X
"n": null
spec:
  l:
  - - 1
    - 2
  - - []
  - - {}
  - - a: 1
      b:
      - c: 2
  - x:
    - 1
  - z
  - aa: {}
    bb: []
t: |
  a
  b
u: |+
  a

w: |2-
    lead
  x
)");
}

TEST(YamlWriter, OrdersKeysAsKubectlDoes) {
  EXPECT_EQ(
      written(R"({"é":7,"null":2,"a: b":6,"a/b.c":1,"a b":1,"1":2,"~":1,"-":2,"#":3,"":5,"a10":1,"a9":1})"),
      "\"\": 5\n'#': 3\n'-': 2\n\"~\": 1\n\"1\": 2\na b: 1\na/b.c: 1\n'a: b': 6\na9: 1\na10: 1\n"
      "\"null\": 2\né: 7\n");
}

TEST(YamlWriter, WritesWhatItsReaderReadsBack) {
  for (const std::string_view json :
       {R"("a\u2028  b")", R"("a\u0085b\n")", R"("\ufeffa")", R"("\u0000\u001f\u007f")", R"("\n")",
        R"("\na")", R"("  \n a\n\n")", R"("# x\ny")", R"("<<")", R"({"<<":1})", R"({"a\nb":"c"})", R"("")",
        "[]", "7", R"("1e400")", R"(["a\tb\n"," x\n","\t\n"])"}) {
    EXPECT_EQ(read(written(json)),
              read(fmt::format("[{}]", json)).substr(1, read(fmt::format("[{}]", json)).size() - 2))
        << json << "\n"
        << written(json);
  }
}

TEST(YamlWriter, RefusesWhatIsNotJson) {
  EXPECT_EQ(json_to_yaml("{").error().code, Code::kInvalid);
  EXPECT_EQ(json_to_yaml("").error().code, Code::kInvalid);
  EXPECT_EQ(json_to_yaml("{} {}").error().code, Code::kInvalid);
}

}  // namespace
}  // namespace slipway::kube
