// A command as a row of a table: what it is called, what it takes, what it does. Help, parsing, suggestions
// and shell completion are made from the rows, so they cannot disagree.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"

namespace slipway::cli {

enum class Times : uint8_t { kOptional, kRequired, kAnyNumber };

struct Option {
  std::string names;  // "-o,--output"; the last is the one Arguments are asked by
  std::string value;  // what stands for the value in help: "FILE"; empty: a flag
  std::string help;
  Times times = Times::kOptional;
  std::string fallback;              // shown in help, and given when absent
  std::vector<std::string> choices;  // what may be said, when that is a list
  bool hidden = false;               // not in help and completion
  std::string completes;             // what the shell completes the value with: "context"; empty: files
  bool before = false;               // may stand before the command's name too, as kubectl has it
};

struct Positional {
  std::string name;  // "MODEL"
  std::string help;
  Times times = Times::kRequired;
  std::string completes;  // the resource whose names the shell completes it with: "md"; empty: files
};

// What was said on the command line.
class Arguments {
 public:
  void set(const std::string& name, std::vector<std::string> values) { values_[name] = std::move(values); }
  bool has(const std::string& name) const { return values_.contains(name); }
  std::string get(const std::string& name) const;  // the last value, or empty
  std::vector<std::string> all(const std::string& name) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;  // "--output", "MODEL"
};

// What a process ends with. kUnservable: of `serve`, the model cannot be loaded, or answers other than it
// says: starting again changes nothing. kOtherContent: of `fetch`, what a registry gave is not what its
// digest says.
enum ExitCode : int { kSuccess = 0, kFailed = 1, kUsage = 2, kUnservable = 3, kOtherContent = 4 };

struct Command {
  std::string name;
  std::string summary;      // one line
  std::string description;  // what people need to know besides; may be empty
  std::vector<Positional> positionals;
  std::vector<Option> options;
  std::vector<std::string> examples;  // complete command lines
  std::function<int(const Arguments&)> run;
  bool hidden = false;  // not in help and completion
};

// Runs the command that the words name. Usage errors go to standard error and end with kUsage.
int run(std::span<const Command> commands, std::span<const std::string> words);

// The words with what may stand before a command's name put behind it: `--context prod get md` as
// `get --context prod md`. Words that name no command are left as they are. Pure.
std::vector<std::string> with_command_first(std::span<const Command> commands,
                                            std::span<const std::string> words);

// "error: " and the message on standard error, in red on a terminal. Returns kFailed.
int complain(std::string_view message);

// The candidate nearest to the word, when it is near enough to have been meant; else empty.
std::string suggest(std::string_view word, std::span<const std::string> candidates);

// The script that completes commands and options in the shell; kInvalid for an unknown shell.
Result<std::string> completion(std::string_view shell, std::span<const Command> commands);

}  // namespace slipway::cli
