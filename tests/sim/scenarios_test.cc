// Stories as text: tests/scenarios/*.txt, commands, `----`, and what was decided. With
// SLIPWAY_WRITE_SCENARIOS=1 what comes out is written there instead of held against it.
#include <gtest/gtest.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "system/runtime/log.h"
#include "tests/sim/world.h"
#include "values/domain/units.h"

namespace slipway::sim {
namespace {

using domain::ModelDeploymentSpec;
using namespace std::chrono_literals;

constexpr const char* kModel = "score";
constexpr std::string_view kLine = "----\n";

std::string read(const std::string& path) {
  std::ifstream in(path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

// A command that cannot be read is a mistake in the story.
[[noreturn]] void no_sense(const std::string& text) {
  ADD_FAILURE() << "the story says '" << text << "', which is no command";
  throw std::invalid_argument(text);
}

Duration duration(const std::string& text) {
  const auto out = domain::parse_duration(text);
  if (!out) no_sense(text);
  return *out;
}

int64_t number(const std::string& text) {
  int64_t out = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), out).ptr != text.data() + text.size())
    no_sense(text);
  return out;
}

// "key=value"
std::pair<std::string, std::string> setting(const std::string& word) {
  const size_t at = word.find('=');
  if (at == std::string::npos) no_sense(word);
  return {word.substr(0, at), word.substr(at + 1)};
}

std::vector<domain::RolloutStep> steps(const std::string& text) {
  std::vector<domain::RolloutStep> out;
  std::stringstream in(text);
  for (std::string step; std::getline(in, step, ',');) {
    const size_t at = step.find(':');
    if (at == std::string::npos) no_sense(step);
    out.push_back({static_cast<int>(number(step.substr(0, at))), duration(step.substr(at + 1))});
  }
  return out;
}

void apply(ModelDeploymentSpec& spec, const std::string& word) {
  const auto [key, value] = setting(word);
  domain::RolloutSpec& rollout = spec.rollout;
  if (key == "version")
    spec.version = number(value);
  else if (key == "replicas")
    spec.replicas = static_cast<int>(number(value));
  else if (key == "keep")
    rollout.keep = duration(value);
  else if (key == "deadline")
    rollout.deadline = duration(value);
  else if (key == "paused")
    rollout.paused = value == "true";
  else if (key == "onFailure")
    rollout.on_failure = value == "pause" ? domain::OnFailure::kPause : domain::OnFailure::kRollback;
  else if (key == "steps")
    rollout.steps = steps(value), rollout.strategy = domain::Strategy::kCanary;
  else
    no_sense(word);
}

Script script(const std::vector<std::string>& words) {
  using Act = Script::Act;
  const std::map<std::string, Act> acts{{"has no files", Act::kNoFiles},
                                        {"fails to load", Act::kLoadFails},
                                        {"crashes at start", Act::kCrashesAtStart},
                                        {"hangs in warm-up", Act::kNeverReady},
                                        {"crashes after", Act::kCrashesLater},
                                        {"hangs after", Act::kHangsLater}};
  std::string act;
  Script out;
  for (size_t i = 2; i < words.size(); ++i) {
    const bool time = std::isdigit(static_cast<unsigned char>(words[i][0])) != 0;
    if (time)
      (act == "loads for" ? out.load : out.after) = duration(words[i]);
    else
      act += (act.empty() ? "" : " ") + words[i];
  }
  if (act.empty() || act == "loads for") return out;
  if (!acts.contains(act)) no_sense(act);
  out.act = acts.at(act);
  return out;
}

class Teller {
 public:
  // What was decided, line by line.
  std::string tell(const std::string& commands) {
    std::stringstream in(commands);
    for (std::string line; std::getline(in, line);) {
      if (line.empty() || line[0] == '#') continue;
      std::vector<std::string> words;
      std::stringstream split(line);
      for (std::string word; split >> word;) words.push_back(word);
      if (words[0] != "version" && words[0] != "after") world_.trace.decided("> {}", line);
      run(words);
    }
    EXPECT_EQ(world_.broken(), "");
    std::string out;
    for (const std::string& line : world_.trace.take_lines()) out += line + "\n";
    return out;
  }

 private:
  void run(const std::vector<std::string>& words) {
    const std::string& verb = words[0];
    const std::string name = words.size() > 1 ? words[1] : "";
    if (verb == "version") return world_.add_version(kModel, number(name), script(words));
    if (verb == "deploy") {
      ModelDeploymentSpec spec{.model = kModel};
      for (size_t i = 2; i < words.size(); ++i) apply(spec, words[i]);
      EXPECT_TRUE(world_.deploy(name, spec));
    } else if (verb == "set") {
      EXPECT_TRUE(world_.edit(name, [&](ModelDeploymentSpec& spec) {
        for (size_t i = 2; i < words.size(); ++i) apply(spec, words[i]);
      }));
    } else if (verb == "delete") {
      EXPECT_TRUE(world_.remove(name));
    } else if (verb == "after") {
      world_.run_for(duration(name));
    } else if (verb == "answers") {
      say_answers();
    } else if (verb == "runs") {
      say_what_runs();
    } else {
      strike(words);
    }
  }

  void strike(const std::vector<std::string>& words) {
    if (words.size() != 3) no_sense(words[0]);
    const std::string what = words[0] + " " + words[1];
    if (what == "gateway mute") return world_.gateways[0]->mute(duration(words[2]));
    if (what == "gateway cut") return world_.gateways[0]->cut(duration(words[2]));
    if (what == "gateway dies") {
      world_.gateways[0]->die();
      return world_.gateways[0]->start_after(duration(words[2]));
    }
    if (what == "control dies") {
      world_.control.crash();
      return world_.control.start_after(duration(words[2]));
    }
    if (what == "machine restarts") return world_.restart_machine(duration(words[2]));
    if (words[0] == "replica") {
      for (const auto& [address, process] : world_.place.processes())
        if (short_name(process.replica) == words[2])
          return words[1] == "dies" ? world_.place.kill(std::string(process.replica))
                                    : world_.place.hang(std::string(process.replica));
    }
    no_sense(what);
  }

  // Since the last time, in percent.
  void say_answers() {
    int64_t all = 0;
    for (const auto& [revision, number] : world_.traffic.by_revision) all += number;
    std::string text;
    for (const auto& [revision, number] : world_.traffic.by_revision)
      text += fmt::format("{} {} %, ", short_name(revision), (100 * number + all / 2) / all);
    world_.trace.decided("{}{} failed", text, world_.traffic.failed - failed_);
    failed_ = world_.traffic.failed;
    world_.traffic.by_revision.clear();
  }

  void say_what_runs() {
    std::map<std::string, int> counts;
    for (const auto& [address, process] : world_.place.processes())
      ++counts[short_name(process.revision.name)];
    std::string text;
    for (const auto& [revision, number] : counts)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number, revision);
    world_.trace.decided("{}", text.empty() ? "nothing" : text);
  }

  World world_{{.seed = 1, .keep = Trace::Keep::kDecisions, .call_every = 10ms}};
  int64_t failed_ = 0;
};

class Scenarios : public testing::TestWithParam<std::string> {};

TEST_P(Scenarios, AreToldAsTheyAreWritten) {
  runtime::log::start(runtime::log::Level::kError);
  const std::string path = std::string(SLIPWAY_SCENARIOS) + "/" + GetParam() + ".txt";
  const std::string text = read(path);
  const size_t at = text.find(kLine);
  ASSERT_NE(at, std::string::npos) << path << " has no line of four dashes";
  const std::string told = Teller().tell(text.substr(0, at));
  if (std::getenv("SLIPWAY_WRITE_SCENARIOS") != nullptr) {
    std::ofstream(path) << text.substr(0, at + kLine.size()) << told;
    return;
  }
  EXPECT_EQ(told, text.substr(at + kLine.size())) << path;
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& each : std::filesystem::directory_iterator(SLIPWAY_SCENARIOS))
    if (each.path().extension() == ".txt") out.push_back(each.path().stem());
  std::sort(out.begin(), out.end());
  return out;
}

INSTANTIATE_TEST_SUITE_P(Text, Scenarios, testing::ValuesIn(names()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace slipway::sim
