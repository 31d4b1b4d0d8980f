#include "services/cli/command.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include <CLI/CLI.hpp>

namespace slipway::cli {
namespace {

// The name that Arguments are asked by: the last of "-o,--output".
std::string key_of(const Option& option) {
  const size_t comma = option.names.rfind(',');
  return comma == std::string::npos ? option.names : option.names.substr(comma + 1);
}

class Formatter final : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    return "Usage: " + CLI::Formatter::make_usage(app, name).substr(sizeof("Usage: ") - 1);
  }
};

std::string help_text(const Command& command, const CLI::App& app) {
  std::string text = app.help();
  if (command.examples.empty()) return text;
  text += "\nExamples:\n";
  for (const std::string& example : command.examples) text += "  " + example + "\n";
  return text;
}

std::string overview(std::span<const Command> commands) {
  std::string text =
      "slipway keeps and serves machine-learning models.\n\nUsage: slipway COMMAND [OPTIONS]\n\nCommands:\n";
  for (const Command& command : commands)
    if (!command.hidden) text += fmt::format("  {:<12} {}\n", command.name, command.summary);
  text +=
      "\nExamples:\n"
      "  slipway up --detach\n"
      "  slipway push model.json --name credit\n"
      "  slipway deploy credit --wait\n"
      "  slipway predict credit --input rows.csv\n"
      "  slipway status\n"
      "  slipway inspect model.onnx\n"
      "\n`slipway COMMAND --help` says more about a command.\n"
      "Exit codes: 0 done, 1 it failed, 2 the command line was not understood.\n";
  return text;
}

int usage_error(const std::string& message, const std::string& next) {
  complain(message);
  std::fprintf(stderr, "%s\n", next.c_str());
  return kUsage;
}

void add_to(CLI::App& app, const Command& command) {
  // Without a variable of ours: add_option(name, text) would take the text for one to write to.
  for (const Positional& positional : command.positionals) {
    CLI::Option* added = app.add_option(positional.name)->description(positional.help)->type_name("");
    if (positional.times == Times::kRequired) added->required();
    if (positional.times == Times::kAnyNumber)
      added->expected(1, CLI::detail::expected_max_vector_size)
          ->allow_extra_args()
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  for (const Option& option : command.options) {
    if (option.value.empty()) {
      CLI::Option* flag = app.add_flag(option.names, option.help);
      if (option.hidden) flag->group("");
      continue;
    }
    std::string help = option.help;
    if (!option.fallback.empty()) help += fmt::format(" (default: {})", option.fallback);
    CLI::Option* added =
        app.add_option(option.names)->description(help)->type_name(option.value)->allow_extra_args(false);
    if (option.times == Times::kRequired) added->required();
    if (option.times != Times::kAnyNumber) added->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    if (option.times == Times::kAnyNumber)
      added->expected(1, 1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
}

Arguments collect(const CLI::App& app, const Command& command) {
  Arguments arguments;
  for (const Positional& positional : command.positionals)
    if (const auto values = app[positional.name]->results(); !values.empty())
      arguments.set(positional.name, values);
  for (const Option& option : command.options) {
    const std::string key = key_of(option);
    if (app[key]->count() > 0)
      arguments.set(key, app[key]->results());
    else if (!option.fallback.empty())
      arguments.set(key, {option.fallback});
  }
  return arguments;
}

// Empty, or what is wrong with a value that must be one of a list.
std::string wrong_choice(const Arguments& arguments, const Command& command) {
  for (const Option& option : command.options)
    for (const std::string& value : arguments.all(key_of(option)))
      if (!option.choices.empty() &&
          std::find(option.choices.begin(), option.choices.end(), value) == option.choices.end())
        return fmt::format("{} {}: it is one of {}", key_of(option), value, fmt::join(option.choices, ", "));
  return "";
}

std::string with_suggestion(const std::string& message, const Command& command,
                            std::span<const std::string> words) {
  std::vector<std::string> known{"--help"};
  for (const Option& option : command.options) known.push_back(key_of(option));
  for (const std::string& word : words) {
    const std::string name = word.substr(0, word.find('='));
    if (!name.starts_with("--") || std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string meant = suggest(name, known);
    return fmt::format("unknown option {}{}", name,
                       meant.empty() ? "" : fmt::format("; did you mean {}?", meant));
  }
  return message;
}

int run_command(const Command& command, std::span<const std::string> words) {
  CLI::App app(command.description.empty() ? command.summary : command.summary + "\n\n" + command.description,
               "slipway " + command.name);
  app.formatter(std::make_shared<Formatter>());
  add_to(app, command);
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  const std::string next = fmt::format("`slipway {} --help` shows what it takes.", command.name);
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    std::fputs(help_text(command, app).c_str(), stdout);
    return kSuccess;
  } catch (const CLI::ParseError& error) {
    return usage_error(with_suggestion(error.what(), command, words), next);
  }
  const Arguments arguments = collect(app, command);
  if (const std::string wrong = wrong_choice(arguments, command); !wrong.empty())
    return usage_error(wrong, next);
  return command.run(arguments);
}

bool is_called(const Option& option, std::string_view name) {
  for (std::string_view rest = option.names; !rest.empty();) {
    const size_t comma = std::min(rest.find(','), rest.size());
    if (rest.substr(0, comma) == name) return true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return false;
}

// The option of that name that may stand before a command, or null.
const Option* leading_option(std::span<const Command> commands, std::string_view name) {
  for (const Command& command : commands)
    for (const Option& option : command.options)
      if (option.before && is_called(option, name)) return &option;
  return nullptr;
}

}  // namespace

std::vector<std::string> with_command_first(std::span<const Command> commands,
                                            std::span<const std::string> words) {
  size_t first = 0;
  while (first < words.size()) {
    const std::string_view word = words[first];
    const size_t equals = word.find('=');
    const Option* option = leading_option(commands, word.substr(0, equals));
    if (!option) break;
    first += option->value.empty() || equals != std::string_view::npos ? 1 : 2;
  }
  if (first >= words.size()) return {words.begin(), words.end()};
  std::vector<std::string> out{words[first]};
  out.insert(out.end(), words.begin(), words.begin() + static_cast<long>(first));
  out.insert(out.end(), words.begin() + static_cast<long>(first) + 1, words.end());
  return out;
}

std::string Arguments::get(const std::string& name) const {
  const auto at = values_.find(name);
  return at == values_.end() || at->second.empty() ? "" : at->second.back();
}

std::vector<std::string> Arguments::all(const std::string& name) const {
  const auto at = values_.find(name);
  return at == values_.end() ? std::vector<std::string>{} : at->second;
}

int complain(std::string_view message) {
  const bool colour = ::isatty(STDERR_FILENO) && std::getenv("NO_COLOR") == nullptr;
  std::fprintf(stderr, "%serror:%s %.*s\n", colour ? "\x1b[1;31m" : "", colour ? "\x1b[0m" : "",
               static_cast<int>(message.size()), message.data());
  return kFailed;
}

int run(std::span<const Command> commands, std::span<const std::string> said) {
  const std::vector<std::string> words = with_command_first(commands, said);
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    // `slipway help serve` is `slipway serve --help`.
    if (words.size() > 1 && words[0] == "help")
      return run(commands, std::vector<std::string>{words[1], "--help"});
    std::fputs(overview(commands).c_str(), words.empty() ? stderr : stdout);
    return words.empty() ? kUsage : kSuccess;
  }
  const std::string name = words[0] == "--version" ? "version" : words[0];
  std::vector<std::string> names;
  for (const Command& command : commands) {
    if (command.name == name) return run_command(command, std::span(words).subspan(1));
    if (!command.hidden) names.push_back(command.name);
  }
  const std::string meant = suggest(name, names);
  return usage_error(fmt::format("unknown command '{}'{}", name,
                                 meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant)),
                     "`slipway --help` lists the commands.");
}

}  // namespace slipway::cli
