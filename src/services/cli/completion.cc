#include "services/cli/command.h"

namespace slipway::cli {
namespace {

std::vector<std::string> split_names(const Option& option) {
  std::vector<std::string> names;
  if (option.hidden) return names;
  std::string_view rest = option.names;
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    names.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return names;
}

std::string quoted(std::string_view text) {  // for a shell's single quotes
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string option_words(const Command& command) {
  std::string words = "--help";
  for (const Option& option : command.options)
    for (const std::string& name : split_names(option)) words += " " + name;
  return words;
}

// The resource that the command's words name; empty when they are files.
std::string completed_with(const Command& command) {
  for (const Positional& positional : command.positionals)
    if (!positional.completes.empty()) return positional.completes;
  return "";
}

// A shell's words that print such names, one a line; silent when nothing runs. Only what is a name: shells
// expand what they complete with.
std::string names_of(const std::string& resource) {
  return fmt::format("slipway get {} -o name 2>/dev/null | sed \"s|.*/||\" | grep -x \"[a-z0-9.-]*\"",
                     resource);
}

std::string bash(std::span<const Command> commands) {
  std::string names, cases;
  for (const Command& command : commands) {
    if (command.hidden) continue;
    names += command.name + " ";
    const std::string resource = completed_with(command);
    cases += fmt::format("    {}) words={}{} ;;\n", command.name, quoted(option_words(command)),
                         resource.empty() ? "" : fmt::format(" names=\"$({})\"", names_of(resource)));
  }
  return fmt::format(
      "# slipway completion for bash: source <(slipway completion bash)\n"
      "_slipway() {{\n"
      "  local current=\"${{COMP_WORDS[COMP_CWORD]}}\" words= names=\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W {} -- \"$current\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"${{COMP_WORDS[1]}}\" in\n{}"
      "  esac\n"
      "  case \"$current\" in\n"
      "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$current\")) ;;\n"
      "    *) if [ -n \"$names\" ]; then COMPREPLY=($(compgen -W \"$names\" -- \"$current\"))\n"
      "       else COMPREPLY=($(compgen -f -- \"$current\")); fi ;;\n"
      "  esac\n"
      "}}\n"
      "complete -o filenames -F _slipway slipway\n",
      quoted(names), cases);
}

std::string zsh(std::span<const Command> commands) {
  std::string list, cases;
  for (const Command& command : commands) {
    if (command.hidden) continue;
    list += fmt::format("    {}\n", quoted(command.name + ":" + command.summary));
    std::string options;
    for (const Option& option : command.options)
      for (const std::string& name : split_names(option))
        options += " " + quoted(fmt::format("{}[{}]{}", name, option.help,
                                            option.value.empty() ? "" : ":" + option.value + ":_files"));
    const std::string resource = completed_with(command);
    const std::string words =
        resource.empty() ? "'*:file:_files'" : quoted(fmt::format("*:name:($({}))", names_of(resource)));
    cases += fmt::format("    {}) _arguments{} {} ;;\n", command.name, options, words);
  }
  return fmt::format(
      "#compdef slipway\n"
      "# slipway completion for zsh: source <(slipway completion zsh)\n"
      "_slipway() {{\n"
      "  local -a commands=(\n{}  )\n"
      "  if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
      "  local command=$words[2]\n"
      "  shift words; (( CURRENT-- ))\n"
      "  case $command in\n{}  esac\n"
      "}}\n"
      "compdef _slipway slipway\n",
      list, cases);
}

std::string fish(std::span<const Command> commands) {
  std::string out = "# slipway completion for fish: slipway completion fish | source\n";
  for (const Command& command : commands) {
    if (command.hidden) continue;
    out += fmt::format("complete -c slipway -n __fish_use_subcommand -f -a {} -d {}\n", command.name,
                       quoted(command.summary));
    if (const std::string resource = completed_with(command); !resource.empty())
      out += fmt::format("complete -c slipway -n '__fish_seen_subcommand_from {}' -f -a {}\n", command.name,
                         quoted("(" + names_of(resource) + ")"));
    for (const Option& option : command.options)
      for (const std::string& name : split_names(option)) {
        const bool is_long = name.starts_with("--");
        out += fmt::format("complete -c slipway -n '__fish_seen_subcommand_from {}' -{} {}{} -d {}\n",
                           command.name, is_long ? "l" : "s", name.substr(is_long ? 2 : 1),
                           option.value.empty() ? "" : " -r", quoted(option.help));
      }
  }
  return out;
}

}  // namespace

Result<std::string> completion(std::string_view shell, std::span<const Command> commands) {
  if (shell == "bash") return bash(commands);
  if (shell == "zsh") return zsh(commands);
  if (shell == "fish") return fish(commands);
  return fail(Code::kInvalid, "no completion for '{}': it is one of bash, zsh, fish", shell);
}

}  // namespace slipway::cli
