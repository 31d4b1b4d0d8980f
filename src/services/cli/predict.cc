#include "services/cli/predict.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>

#include <nlohmann/json.hpp>

#include "services/cli/deployments.h"
#include "services/cli/place.h"
#include "services/cli/rows.h"
#include "system/http/client.h"

namespace slipway::cli {
namespace {

using nlohmann::json;

constexpr size_t kInputLimit = 256 << 20;
constexpr const char* kServeUrl = "http://127.0.0.1:8080";

// In pieces, so that an endless input ends at the limit and not with the memory.
Result<std::string> read_input(const std::string& name) {
  std::ifstream file;
  if (name != "-") file.open(name, std::ios::binary);
  std::istream& in = name == "-" ? std::cin : file;
  std::string text;
  std::array<char, 65536> piece;
  do {
    in.read(piece.data(), piece.size());
    text.append(piece.data(), static_cast<size_t>(in.gcount()));
    if (text.size() > kInputLimit)
      return fail(Code::kTooLarge, "{}: more than {} bytes; send it in parts", name, kInputLimit);
  } while (in);
  if (!in.eof())
    return fail(Code::kNotFound, "{}: cannot be read; give a CSV or JSON file, or - for standard input",
                name);
  return text;
}

std::string path_segment(std::string_view text) {
  std::string out;
  for (char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) ||
                       std::string_view("-_.~").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Error server_error(const http::Response& response) {
  const json body = json::parse(response.body, nullptr, false);
  const std::string text = body.is_object() && body.contains("error") && body["error"].is_string()
                               ? body["error"].get<std::string>()
                               : response.body.substr(0, 200);
  return {Code::kInvalid, fmt::format("the server says {}: {}", response.status, text)};
}

Result<http::Response> ask(http::Client& client, const http::Request& request) {
  auto response = client.ask(request);
  if (!response) return fail(response.error());
  if (response->status != 200) return fail(server_error(*response));
  return response;
}

std::string cell(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "missing" : value.dump();
}

// What the command line says, else where the platform says, else where `slipway serve` listens by itself: a
// model that no platform of this machine knows may be served alone. Whoever names a platform means that one.
Result<Place> choose_place(const Arguments& arguments) {
  if (arguments.has("--url")) return Place(arguments.get("--url"));
  const bool named = arguments.has("--kubeconfig") || arguments.has("--context");
  const auto platform = find_platform(arguments);
  if (!platform && named) return fail(platform.error());
  if (!platform) return Place(kServeUrl);
  const auto deployment = find_deployment(*platform, *platform->client(), arguments.get("MODEL"));
  if (!deployment && named) return fail(deployment.error());
  if (!deployment) return Place(kServeUrl, deployment.error().message);
  auto place = find_place(*platform, *deployment);
  if (!place && !named) return Place(kServeUrl, place.error().message);
  return place;
}

Result<http::Response> predict(const Arguments& arguments, const Place& place) {
  const auto url = http::parse_url(place.url());
  if (!url) return fail(url.error());
  const auto text = read_input(arguments.get("--input"));
  if (!text) return fail(text.error());
  http::Client client(*url);
  const std::string model = "/v2/models/" + path_segment(arguments.get("MODEL"));
  const auto metadata = ask(client, {.target = model});
  if (!metadata) {
    const std::string note = place.note();
    return fail(metadata.error().code, "{}{}{}", metadata.error().message, note.empty() ? "" : "\n", note);
  }
  const auto inputs = parse_model_inputs(metadata->body);
  if (!inputs) return fail(inputs.error());
  auto body = to_request(*text, *inputs);
  if (!body) return fail(base::within(arguments.get("--input"), body.error()));
  return ask(client, {.method = base::Method::kPost,
                      .target = model + "/infer",
                      .headers = {{"content-type", "application/json"}},
                      .body = *body});
}

int run_predict(const Arguments& arguments) {
  const auto place = choose_place(arguments);
  if (!place) return complain(place.error().message);
  const auto response = predict(arguments, *place);
  if (!response) return complain(response.error().message);
  if (arguments.get("--output") == "json") {
    std::printf("%s\n", response->body.c_str());
    return kSuccess;
  }
  const auto table = to_table(response->body);
  if (!table) return complain(table.error().message);
  std::fputs(to_text(*table).c_str(), stdout);
  std::fprintf(stderr, "answered by %s%s\n", std::string(response->find("slipway-revision")).c_str(),
               place->way().c_str());
  return kSuccess;
}

tl::unexpected<Error> not_an_answer() {
  return fail(Code::kInvalid, "the server's answer is not one of the Open Inference Protocol");
}

}  // namespace

Result<Table> to_table(const std::string& answer_json) {
  const json answer = json::parse(answer_json, nullptr, false);
  Table table{.head = {"row"}, .rows = {}};
  try {
    for (const json& output : answer.at("outputs")) {
      const auto shape = output.at("shape").get<std::vector<int64_t>>();
      const json& data = output.at("data");
      const size_t rows = shape.empty() ? 1 : static_cast<size_t>(shape[0]);
      if (rows > data.size()) return not_an_answer();
      const size_t width = rows == 0 ? 0 : data.size() / rows;
      if (table.rows.size() < rows) table.rows.resize(rows);
      for (size_t i = 0; i < width; ++i) {
        const auto name = output.at("name").get<std::string>();
        table.head.push_back(width == 1 ? name : fmt::format("{}[{}]", name, i));
        for (size_t row = 0; row < rows; ++row) table.rows[row].push_back(cell(data.at(row * width + i)));
      }
    }
  } catch (const json::exception&) {
    return not_an_answer();
  }
  for (size_t row = 0; row < table.rows.size(); ++row)
    table.rows[row].insert(table.rows[row].begin(), std::to_string(row + 1));
  return table;
}

Command predict_command() {
  return {
      .name = "predict",
      .summary = "Send rows to a model and show what it answers",
      .description =
          "Rows come as CSV (with or without a header), or as JSON: a list of rows, a list of objects by "
          "column\n"
          "name, {\"instances\": ...}, or a whole Open Inference Protocol request. Columns are matched "
          "by name when the\n"
          "names are the model's, else by place. Empty fields are missing values.",
      .positionals = {{.name = "MODEL",
                       .help = "The deployment, or the model's name on the server",
                       .completes = "md"}},
      .options = with_platform(
          {{.names = "-u,--url",
            .value = "URL",
            .help =
                "The server (default: where the deployment says it answers; on a cluster, when that is not "
                "reached from here, a gateway through the API server)"},
           {.names = "-i,--input",
            .value = "FILE",
            .help = "The rows; - reads standard input",
            .times = Times::kRequired},
           {.names = "-o,--output",
            .value = "FORMAT",
            .help = "table, or json: the answer as it came",
            .fallback = "table",
            .choices = {"table", "json"}}}),
      .examples = {"slipway predict credit --input rows.csv",
                   "slipway predict --url http://10.0.0.7:8080 credit --input request.json -o json",
                   "echo '[[0.1, 0.2, 0.3]]' | slipway predict credit --input -"},
      .run = run_predict};
}

}  // namespace slipway::cli
