#include <algorithm>

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
// expand what they complete with. `$place` holds the options that were said and lead to a platform.
std::string names_of(const std::string& resource, std::string_view place) {
  const std::string asked = resource == "context" ? std::string("slipway context -o name")
                                                  : fmt::format("slipway get {}{}{} -o name", resource,
                                                                place.empty() ? "" : " ", place);
  return asked + " 2>/dev/null | sed \"s|.*/||\" | grep -x \"[a-zA-Z0-9._@:-]*\"";
}

// "--context|--data|-n": the options that stand before a command's name too, and take a value.
std::string place_options(std::span<const Command> commands, std::string_view between) {
  std::string out;
  std::vector<std::string> known;
  for (const Command& command : commands)
    for (const Option& option : command.options)
      for (const std::string& name : split_names(option))
        if (option.before && std::find(known.begin(), known.end(), name) == known.end())
          known.push_back(name);
  for (const std::string& name : known) out += fmt::format("{}{}", out.empty() ? "" : between, name);
  return out;
}

std::string bash(std::span<const Command> commands) {
  std::string names, cases;
  for (const Command& command : commands) {
    if (command.hidden) continue;
    names += command.name + " ";
    const std::string resource = completed_with(command);
    cases += fmt::format(
        "    {}) words={}{} ;;\n", command.name, quoted(option_words(command)),
        resource.empty() ? "" : fmt::format(" names=\"$({})\"", names_of(resource, "\"${place[@]}\"")));
  }
  return fmt::format(
      "# slipway completion for bash: source <(slipway completion bash)\n"
      "_slipway() {{\n"
      "  local current=\"${{COMP_WORDS[COMP_CWORD]}}\" before=\"${{COMP_WORDS[COMP_CWORD-1]}}\" words= "
      "names= verb= i\n"
      "  local -a place=()\n"
      "  if [ \"$before\" = --context ]; then\n"
      "    COMPREPLY=($(compgen -W \"$({})\" -- \"$current\"))\n"
      "    return\n"
      "  fi\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"${{COMP_WORDS[i]}}\" in\n"
      "      {}) place+=(\"${{COMP_WORDS[i]}}\" \"${{COMP_WORDS[i+1]}}\"); i=$((i + 1)) ;;\n"
      "      -*) ;;\n"
      "      *) verb=\"${{verb:-${{COMP_WORDS[i]}}}}\" ;;\n"
      "    esac\n"
      "  done\n"
      "  if [ -z \"$verb\" ]; then\n"
      "    COMPREPLY=($(compgen -W {} -- \"$current\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"$verb\" in\n{}"
      "  esac\n"
      "  case \"$current\" in\n"
      "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$current\")) ;;\n"
      "    *) if [ -n \"$names\" ]; then COMPREPLY=($(compgen -W \"$names\" -- \"$current\"))\n"
      "       else COMPREPLY=($(compgen -f -- \"$current\")); fi ;;\n"
      "  esac\n"
      "}}\n"
      "complete -o filenames -F _slipway slipway\n",
      names_of("context", ""), place_options(commands, "|"), quoted(names + place_options(commands, " ")),
      cases);
}

// What _arguments says of an option's value.
std::string zsh_value(const Option& option) {
  if (option.value.empty()) return "";
  if (option.completes.empty()) return ":" + option.value + ":_files";
  return fmt::format(":{}:($({}))", option.value, names_of(option.completes, ""));
}

std::string zsh(std::span<const Command> commands) {
  std::string list, cases;
  for (const Command& command : commands) {
    if (command.hidden) continue;
    list += fmt::format("    {}\n", quoted(command.name + ":" + command.summary));
    std::string options;
    for (const Option& option : command.options)
      for (const std::string& name : split_names(option))
        options += " " + quoted(fmt::format("{}[{}]{}", name, option.help, zsh_value(option)));
    const std::string resource = completed_with(command);
    const std::string words = resource.empty()
                                  ? "'*:file:_files'"
                                  : quoted(fmt::format("*:name:($({}))", names_of(resource, "$place")));
    cases += fmt::format("    {}) _arguments{} {} ;;\n", command.name, options, words);
  }
  return fmt::format(
      "#compdef slipway\n"
      "# slipway completion for zsh: source <(slipway completion zsh)\n"
      "_slipway() {{\n"
      "  local -a commands=(\n{}  ) place=()\n"
      "  local i\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    case $words[i] in {}) place+=($words[i] $words[i+1]) ;; esac\n"
      "  done\n"
      "  while (( CURRENT > 3 )) && [[ $words[2] == ({}) ]]; do words[2,3]=(); (( CURRENT -= 2 )); done\n"
      "  if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
      "  local command=$words[2]\n"
      "  shift words; (( CURRENT-- ))\n"
      "  case $command in\n{}  esac\n"
      "}}\n"
      "compdef _slipway slipway\n",
      list, place_options(commands, "|"), place_options(commands, "|"), cases);
}

std::string fish_option(const Command& command, const Option& option, const std::string& name) {
  const bool is_long = name.starts_with("--");
  std::string value;
  if (!option.value.empty()) value = " -r";
  if (!option.completes.empty()) value += " -f -a " + quoted("(" + names_of(option.completes, "") + ")");
  return fmt::format("complete -c slipway -n '__fish_seen_subcommand_from {}' -{} {}{} -d {}\n", command.name,
                     is_long ? "l" : "s", name.substr(is_long ? 2 : 1), value, quoted(option.help));
}

std::string fish(std::span<const Command> commands) {
  std::string out =
      "# slipway completion for fish: slipway completion fish | source\n"
      "function __slipway_place\n"
      "  set -l words (commandline -opc)\n"
      "  for i in (seq 2 (count $words))\n"
      "    contains -- $words[$i] " +
      place_options(commands, " ") +
      "; and echo $words[$i]; and echo $words[(math $i + 1)]\n"
      "  end\n"
      "end\n";
  for (const Command& command : commands) {
    if (command.hidden) continue;
    out += fmt::format("complete -c slipway -n __fish_use_subcommand -f -a {} -d {}\n", command.name,
                       quoted(command.summary));
    if (const std::string resource = completed_with(command); !resource.empty())
      out += fmt::format("complete -c slipway -n '__fish_seen_subcommand_from {}' -f -a {}\n", command.name,
                         quoted("(" + names_of(resource, "(__slipway_place)") + ")"));
    for (const Option& option : command.options)
      for (const std::string& name : split_names(option)) out += fish_option(command, option, name);
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
