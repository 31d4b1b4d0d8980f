#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "services/cli/command.h"
#include "services/cli/csv.h"
#include "services/cli/predict.h"
#include "services/cli/rows.h"
#include "services/cli/table.h"

namespace slipway::cli {
namespace {

using nlohmann::json;

class CommandTest : public testing::Test {
 protected:
  int run(std::vector<std::string> words) {
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    const int code = cli::run(commands_, words);
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return code;
  }

  Arguments seen_;
  std::string out_, err_;
  std::vector<Command> commands_{
      {.name = "serve",
       .summary = "Serve models",
       .positionals = {{.name = "PLACE", .help = "Where", .times = Times::kOptional}},
       .options = {{.names = "-m,--model", .value = "M", .help = "A model", .times = Times::kAnyNumber},
                   {.names = "-o,--output",
                    .value = "F",
                    .help = "Form",
                    .fallback = "table",
                    .choices = {"table", "json"}},
                   {.names = "--quick", .value = "", .help = "Quickly"}},
       .examples = {"slipway serve here"},
       .run = [this](const Arguments& arguments) { return seen_ = arguments, 0; }}};
};

TEST_F(CommandTest, GivesWhatWasSaid) {
  EXPECT_EQ(run({"serve", "here", "--model", "a", "--model=b", "-o", "json"}), kSuccess);
  EXPECT_EQ(seen_.get("PLACE"), "here");
  EXPECT_EQ(seen_.all("--model"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(seen_.get("--output"), "json");
  EXPECT_FALSE(seen_.has("--quick"));
  run({"serve"});
  EXPECT_EQ(seen_.get("--output"), "table");
}

TEST_F(CommandTest, TakesWhatMayStandBeforeItsName) {
  commands_[0].options.push_back({.names = "-c,--context", .value = "NAME", .help = "Where", .before = true});
  EXPECT_EQ(run({"--context", "prod", "serve", "here"}), kSuccess);
  EXPECT_EQ(seen_.get("--context"), "prod");
  EXPECT_EQ(seen_.get("PLACE"), "here");
  EXPECT_EQ(run({"--context=test", "serve"}), kSuccess);
  EXPECT_EQ(seen_.get("--context"), "test");
  // What stands behind the name is nearer, and wins.
  EXPECT_EQ(run({"--context", "prod", "serve", "--context", "test"}), kSuccess);
  EXPECT_EQ(seen_.get("--context"), "test");
  EXPECT_EQ(run({"--quick", "serve"}), kUsage);
  EXPECT_EQ(run({"--context", "serve"}), kUsage);
}

TEST_F(CommandTest, SaysWhatWasProbablyMeant) {
  EXPECT_EQ(run({"sevre"}), kUsage);
  EXPECT_NE(err_.find("unknown command 'sevre'; did you mean 'serve'?"), std::string::npos);
  EXPECT_EQ(run({"serve", "--modle", "x"}), kUsage);
  EXPECT_NE(err_.find("unknown option --modle; did you mean --model?"), std::string::npos);
  EXPECT_EQ(run({"serve", "-o", "xml"}), kUsage);
  EXPECT_NE(err_.find("it is one of table, json"), std::string::npos);
}

TEST_F(CommandTest, ShowsHelpWithExamples) {
  EXPECT_EQ(run({"serve", "--help"}), kSuccess);
  EXPECT_NE(out_.find("slipway serve here"), std::string::npos);
  EXPECT_NE(out_.find("--model"), std::string::npos);
  EXPECT_EQ(run({"--help"}), kSuccess);
  EXPECT_NE(out_.find("Serve models"), std::string::npos);
  EXPECT_EQ(run({}), kUsage);
}

TEST_F(CommandTest, CompletesInEveryShell) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = completion(shell, commands_);
    ASSERT_TRUE(script);
    EXPECT_NE(script->find("serve"), std::string::npos);
    EXPECT_NE(script->find("model"), std::string::npos);
  }
  EXPECT_FALSE(completion("tcsh", commands_));
}

TEST_F(CommandTest, CompletesNamesOfWhatThereIs) {
  commands_[0].positionals[0].completes = "md";
  for (const char* shell : {"bash", "zsh", "fish"})
    EXPECT_NE(completion(shell, commands_)->find("slipway get md "), std::string::npos) << shell;
}

TEST_F(CommandTest, CompletesContextsWhereTheyAreNamed) {
  commands_[0].options.push_back(
      {.names = "--context", .value = "NAME", .help = "Where", .completes = "context", .before = true});
  for (const char* shell : {"bash", "zsh", "fish"})
    EXPECT_NE(completion(shell, commands_)->find("slipway context -o name"), std::string::npos) << shell;
}

TEST(Suggest, NamesOnlyWhatIsNear) {
  const std::vector<std::string> names{"serve", "predict", "inspect"};
  EXPECT_EQ(suggest("preditc", names), "predict");
  EXPECT_EQ(suggest("zebra", names), "");
}

TEST(TableTest, AlignsNumbersToTheRight) {
  EXPECT_EQ(to_text({.head = {"row", "class"}, .rows = {{"1", "Adélie"}, {"10", "x"}}}),
            "row  class\n  1  Adélie\n 10  x\n");
}

TEST(CsvTest, ReadsQuotesAndLineEnds) {
  const auto rows = parse_csv("a,\"b,\"\"c\"\"\nd\"\r\n\n1,\n");
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(*rows, (CsvRows{{"a", "b,\"c\"\nd"}, {"1", ""}}));
}

TEST(CsvTest, NamesTheLineOfAFault) {
  EXPECT_EQ(parse_csv("a,b\n1\n").error().message, "line 2: 1 fields, the first row has 2");
  EXPECT_EQ(parse_csv("a\n\"b").error().message, "line 2: a quote is opened and not closed");
  EXPECT_EQ(parse_csv("\"a\"b").error().message, "line 1: text after a closing quote");
  EXPECT_EQ(parse_csv("a\nb\nc", {.rows = 2}).error().code, Code::kTooLarge);
}

const ModelInputs kTree{
    {{.name = "input__0", .datatype = "FP32", .shape = {-1, 2}, .features = {"age", "income"}}}};
const ModelInputs kPipeline{{{.name = "age", .datatype = "FP32", .shape = {-1, 1}, .features = {}},
                             {.name = "city", .datatype = "BYTES", .shape = {-1, 1}, .features = {}}}};

json request(const std::string& text, const ModelInputs& model) {
  const auto made = to_request(text, model);
  EXPECT_TRUE(made) << made.error().message;
  return made ? json::parse(*made) : json();
}

TEST(Rows, MatchColumnsByNameElseByPlace) {
  const json expected = {1.5, 2, 3, nullptr};
  EXPECT_EQ(request("income,age\n2,1.5\n,3\n", kTree)["inputs"][0]["data"], expected);
  EXPECT_EQ(request("1.5,2\n3,\n", kTree)["inputs"][0]["data"], expected);
  EXPECT_EQ(request("a,b\n1.5,2\n3,\n", kTree)["inputs"][0]["data"], expected);
  EXPECT_EQ(request("[[1.5,2],[3,null]]", kTree)["inputs"][0]["data"], expected);
  EXPECT_EQ(request(R"({"instances":[{"income":2,"age":1.5},{"age":3,"income":null}]})",
                    kTree)["inputs"][0]["data"],
            expected);
  EXPECT_EQ(request("[1.5,2]", kTree)["inputs"][0]["shape"], (json{1, 2}));
}

TEST(Rows, TakeNumbersThatJsonWritesDifferently) {
  EXPECT_EQ(request(".5,.1e-310\n", kTree)["inputs"][0]["data"], (json{0.5, 1e-311}));
}

TEST(Rows, SendTextThatIsNotUtf8AsReplacementCharacters) {
  EXPECT_EQ(
      request("Oslo\xff,30\n", ModelInputs{{kPipeline.inputs[1], kPipeline.inputs[0]}})["inputs"][0]["data"],
      (json{"Oslo\xef\xbf\xbd"}));
}

TEST(Rows, NeverTakeARowOfValuesForAHeader) {
  EXPECT_EQ(to_request("1.5,1O\n3,4\n", kTree).error().message,
            "row 1: '1O' in column 'income' is not a number; the model takes FP32");
  EXPECT_EQ(request("1.5, 2\n3 ,4\n", kTree)["inputs"][0]["data"], (json{1.5, 2, 3, 4}));
  EXPECT_FALSE(to_request("1,inf\n", kTree));
}

TEST(Rows, FillOneInputAColumn) {
  const json made = request("city,age\nOslo,30\n", kPipeline);
  EXPECT_EQ(made["inputs"][0]["data"], (json{30}));
  EXPECT_EQ(made["inputs"][1]["data"], (json{"Oslo"}));
}

TEST(Rows, SendAWholeRequestAsItIs) {
  const std::string text = R"({"inputs":[{"name":"x"}]})";
  EXPECT_EQ(to_request(text, kTree), text);
}

// The shape is the server's word: it must not make the client take gigabytes.
TEST(Rows, StopAtMoreColumnsThanRowsCanHave) {
  const auto with = [](std::vector<int64_t> widths) {
    ModelInputs model;
    for (const int64_t width : widths)
      model.inputs.push_back({.name = "wide", .datatype = "FP32", .shape = {-1, width}, .features = {}});
    return model.columns();
  };
  EXPECT_EQ(with({65'536})->size(), 65'536U);
  for (const auto& widths :
       std::vector<std::vector<int64_t>>{{65'537}, {65'536, 1}, {INT64_MAX}, {INT64_MAX, INT64_MAX}}) {
    const auto columns = with(widths);
    ASSERT_FALSE(columns);
    EXPECT_EQ(columns.error().code, Code::kTooLarge);
    EXPECT_NE(columns.error().message.find("more than 65536 columns with input 'wide'"), std::string::npos)
        << columns.error().message;
  }
}

TEST(Rows, SayWhatDoesNotFit) {
  const struct {
    const char *text, *says;
  } rows[] = {{"", "the input is empty"},
              {"{", "starts like JSON and is not"},
              {"1,2,3\n", "has 3 columns, the model takes 2"},
              {"age,wage\n1,2\n", "has no column 'income'"},
              {"1,2\n3,x\n", "row 2: 'x' in column 'income' is not a number"},
              {"[[1,2,3]]", "row 1: is not a list of 2 values"},
              {R"([{"age":1}])", "row 1: has no 'income'"},
              {"3", "has 1 columns"}};
  for (const auto& row : rows) {
    const auto made = to_request(row.text, kTree);
    ASSERT_FALSE(made) << row.text;
    EXPECT_NE(made.error().message.find(row.says), std::string::npos) << made.error().message;
  }
}

TEST(AnswerTable, RefusesAnAnswerWithMoreRowsThanValues) {
  for (const char* shape : {"[-1]", "[9000000000000000000]"})
    EXPECT_FALSE(to_table(fmt::format(R"({{"outputs":[{{"name":"y","shape":{},"data":[1]}}]}})", shape)));
}

TEST(AnswerTable, HasALineForEachRow) {
  const auto table = to_table(
      R"({"outputs":[{"name":"label","shape":[2],"data":["a","b"]},{"name":"p","shape":[2,2],"data":[0.25,0.75,null,1]}]})");
  ASSERT_TRUE(table);
  EXPECT_EQ(table->head, (std::vector<std::string>{"row", "label", "p[0]", "p[1]"}));
  EXPECT_EQ(table->rows[1], (std::vector<std::string>{"2", "b", "missing", "1"}));
  EXPECT_FALSE(to_table("{}"));
}

}  // namespace
}  // namespace slipway::cli
