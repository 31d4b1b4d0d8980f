#include <cstdio>

#include <nlohmann/json.hpp>

#include "apps/slipway/commands.h"
#include "system/os/child.h"
#include "system/os/files.h"
#include "system/os/sandbox.h"

// `slipway inspect FILE` runs itself as `slipway inspect --confined FILE` and shows what that child found: a
// hostile file can kill the child and nothing else.
namespace slipway::app {
namespace {

using cli::Arguments;
using nlohmann::ordered_json;

constexpr uint32_t kSeconds = 60;
constexpr uint64_t kMemory = uint64_t(4) << 30;

std::string folder_of(const std::string& path) {
  if (os::is_folder(path)) return path;
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

ordered_json specs_to_json(const std::vector<tensor::TensorSpec>& specs) {
  ordered_json list = ordered_json::array();
  for (const tensor::TensorSpec& spec : specs) {
    ordered_json item{{"name", spec.name}, {"datatype", name(spec.type)}, {"shape", spec.shape.dims()}};
    if (!spec.features.empty()) item["features"] = spec.features;
    list.push_back(std::move(item));
  }
  return list;
}

ordered_json to_json(const std::string& path, const server::Inspected& inspected) {
  const auto& [signature, info] = inspected.inspection;
  return {{"path", path},
          {"format", inspected.format},
          {"platform", info.platform},
          {"framework", info.framework},
          {"digest", inspected.digest.str()},
          {"bytes", inspected.bytes},
          {"files", info.files},
          {"inputs", specs_to_json(signature.inputs)},
          {"outputs", specs_to_json(signature.outputs)}};
}

// The child: finds out, within its limits, and says it as JSON.
int inspect_confined(const std::string& path) {
  const std::string program = os::program_folder();
  std::vector<std::string> readable{folder_of(path), program, program + "/lib/" SLIPWAY_ONNXRUNTIME_NAME};
  const auto confined =
      os::confine({.readable = std::move(readable), .memory_bytes = kMemory, .cpu_seconds = kSeconds});
  if (!confined) return cli::complain(confined.error().message);
  const auto inspected = server::inspect(path, all_backends());
  ordered_json found = inspected ? to_json(path, *inspected)
                                 : ordered_json{{"path", path}, {"error", inspected.error().message}};
  found["confined"] = {{"systemCalls", confined->system_calls}, {"files", confined->files}};
  std::printf("%s\n", found.dump(2, ' ', false, ordered_json::error_handler_t::replace).c_str());
  return inspected ? cli::kSuccess : cli::kFailed;
}

std::string what_ended(const std::string& path, const os::ChildEnd& end) {
  if (end.timed_out)
    return fmt::format("{}: not understood within {} seconds; the file is too large or hostile", path,
                       kSeconds);
  if (end.too_much_output) return fmt::format("{}: describes itself without end", path);
  return fmt::format(
      "{}: the confined process that read it was ended by signal {}; the file is damaged or hostile. Nothing "
      "else was touched",
      path, end.signal);
}

std::string specs_to_text(const ordered_json& specs) {
  std::string text;
  for (const auto& spec : specs) {
    text += fmt::format("  {} {} [{}]", spec["name"].get<std::string>(), spec["datatype"].get<std::string>(),
                        fmt::join(spec["shape"].get<std::vector<int64_t>>(), ","));
    if (spec.contains("features"))
      text += fmt::format("  columns: {}", fmt::join(spec["features"].get<std::vector<std::string>>(), ", "));
    text += "\n";
  }
  return text;
}

std::string to_text(const ordered_json& found) {
  const auto line = [&](const char* label, const char* key) {
    return fmt::format("{:<10} {}\n", label, found[key].get<std::string>());
  };
  std::string text = line("path", "path") + line("format", "format");
  if (!found["framework"].get<std::string>().empty()) text += line("written by", "framework");
  text += line("digest", "digest") + fmt::format("{:<10} {} bytes in {} file(s)\n", "size",
                                                 found["bytes"].get<uint64_t>(), found["files"].size());
  return text + "inputs\n" + specs_to_text(found["inputs"]) + "outputs\n" + specs_to_text(found["outputs"]);
}

// For readers of text; JSON has it under "confined". A child that died could not say.
void warn_of_what_did_not_hold(const ordered_json& found) {
  const auto confined = found.find("confined");
  if (confined == found.end() || !confined->is_object()) return;
  const auto warn_without = [&](const char* lock, const char* what) {
    if (confined->value(lock, ordered_json()) == true) return;
    std::fprintf(stderr, "warning: the file was read less confined than it should be: %s\n", what);
  };
  warn_without("systemCalls",
               "this system takes no seccomp filter, so the network and writing were not taken away");
  warn_without("files", "this kernel has no Landlock, so every file of this user could be read");
}

int inspect(const Arguments& arguments) {
  const std::string path = arguments.get("FILE");
  if (arguments.has("--confined")) return inspect_confined(path);
  const auto end = os::run_child({.argv = {"/proc/self/exe", "inspect", "--confined", "--", path},
                                  .timeout = std::chrono::seconds(kSeconds)});
  if (!end) return cli::complain(end.error().message);
  ordered_json found = ordered_json::parse(end->out, nullptr, false);
  const bool said_something = end->signal == 0 && !end->timed_out && found.is_object();
  if (!said_something)
    found = {
        {"path", path},
        {"error", end->signal == 0 && !end->timed_out ? path + ": " + end->err : what_ended(path, *end)}};
  const bool refused = found.contains("error"), as_json = arguments.get("--output") == "json";
  if (!as_json) warn_of_what_did_not_hold(found);
  if (as_json)
    std::printf("%s\n", found.dump(2).c_str());
  else if (!refused)
    std::fputs(to_text(found).c_str(), stdout);
  else
    cli::complain(found["error"].get<std::string>());
  return refused ? cli::kFailed : cli::kSuccess;
}

}  // namespace

cli::Command inspect_command() {
  return {.name = "inspect",
          .summary = "Show what a model file holds, or what is wrong with it",
          .description =
              "Reads the file in a confined child process, with every check that serving makes: format, "
              "signature, size and\n"
              "digest. Nothing in the file is ever run. JSON shows under \"confined\" which of the system's "
              "two locks on the\n"
              "child held; text warns when one did not.",
          .positionals = {{.name = "FILE", .help = "A model file, or a folder that holds one model"}},
          .options = {{.names = "-o,--output",
                       .value = "FORMAT",
                       .help = "text or json",
                       .fallback = "text",
                       .choices = {"text", "json"}},
                      {.names = "--confined",
                       .value = "",
                       .help = "Read the file in this process, confined (what the child does)",
                       .hidden = true}},
          .examples = {"slipway inspect model.json", "slipway inspect model.onnx -o json"},
          .run = inspect};
}

}  // namespace slipway::app
