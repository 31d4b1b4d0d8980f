#include "services/server/internal/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "services/server/internal/pickle_shape.h"
#include "services/server/internal/zip_names.h"
#include "values/json/scanner.h"
#include "values/wire/wire.h"

namespace slipway::server {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kPickleWayOut =
    "unpickling runs whatever code the file holds, so it is never read here. Export the model: scikit-learn "
    "with "
    "skl2onnx.to_onnx(model, X[:1]), XGBoost with model.save_model('model.ubj'), LightGBM with "
    "booster.save_model('model.txt')";
constexpr std::string_view kSklearnWayOut =
    "scikit-learn objects are not served. Export the model with skl2onnx.to_onnx(model, X[:1])";
constexpr std::string_view kTorchWayOut =
    "PyTorch files are not served. Export the model with torch.onnx.export(model, example, 'model.onnx')";
constexpr std::string_view kKerasWayOut =
    "Keras files are not served. Export the model with model.export('model.onnx', format='onnx')";
constexpr std::string_view kTensorFlowWayOut =
    "TensorFlow is not served. Convert it with python -m tf2onnx.convert --saved-model FOLDER --output "
    "model.onnx";
constexpr std::string_view kTfLiteWayOut =
    "TFLite is not served. Convert it with python -m tf2onnx.convert --tflite model.tflite --output "
    "model.onnx";
constexpr std::string_view kCatBoostWayOut =
    "CatBoost is not served. Export the model with model.save_model('model.onnx', format='onnx') and remove "
    "its "
    "ZipMap node";
constexpr std::string_view kLegacyWayOut =
    "XGBoost itself gave this format up with 3.1. Load it with XGBoost 3.0 or older and save it again with "
    "booster.save_model('model.ubj')";
constexpr std::string_view kPythonWayOut =
    "code is not run here. Export the model that it builds to ONNX, XGBoost JSON or LightGBM text";
constexpr std::string_view kNoModelWayOut = "it holds data, not a model that can be served";

Verdict served(std::string_view backend, std::string what) {
  return {.finding = Finding::kServed, .backend = backend, .what = std::move(what)};
}
Verdict refused(std::string what, std::string_view way_out) {
  const auto finding = way_out == kNoModelWayOut ? Finding::kData : Finding::kRefused;
  return {.finding = finding, .what = std::move(what), .way_out = way_out};
}
Verdict unknown(std::string what) { return {.finding = Finding::kUnknown, .what = std::move(what)}; }

struct Mark {
  size_t at;
  std::string_view bytes;
  std::string_view what;
  std::string_view way_out;
};

constexpr std::array<Mark, 17> kMarks = {{
    {0, "binf"sv, "an XGBoost binary model of the old kind", kLegacyWayOut},
    {0, "bs64"sv, "an XGBoost binary model of the old kind", kLegacyWayOut},
    {0, "CBM1"sv, "a CatBoost model", kCatBoostWayOut},
    {4, "TFL3"sv, "a TFLite model", kTfLiteWayOut},
    {0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file, as Keras writes", kKerasWayOut},
    {0, "\x78\x01"sv, "zlib-compressed data, as joblib writes", kPickleWayOut},
    {0, "\x78\x5e"sv, "zlib-compressed data, as joblib writes", kPickleWayOut},
    {0, "\x78\x9c"sv, "zlib-compressed data, as joblib writes", kPickleWayOut},
    {0, "\x78\xda"sv, "zlib-compressed data, as joblib writes", kPickleWayOut},
    {0, "\x1f\x8b"sv, "gzip-compressed data, as joblib writes", kPickleWayOut},
    {0, "BZh"sv, "bzip2-compressed data, as joblib writes", kPickleWayOut},
    {0, "\xfd\x37zXZ\0"sv, "xz-compressed data, as joblib writes", kPickleWayOut},
    {0, "\x5d\0\0"sv, "lzma-compressed data, as joblib writes", kPickleWayOut},
    {0, "\x04\x22\x4d\x18"sv, "lz4-compressed data, as joblib writes", kPickleWayOut},
    {0, "\x93NUMPY"sv, "a NumPy array", kNoModelWayOut},
    {0, "GGUF"sv, "a GGUF language model", "language models in GGUF are not served"},
    {0, "PAR1"sv, "a Parquet file", kNoModelWayOut},
}};

std::optional<Verdict> judge_mark(std::string_view bytes) {
  for (const Mark& mark : kMarks) {
    if (bytes.size() < mark.at || !bytes.substr(mark.at).starts_with(mark.bytes)) continue;
    return refused(std::string(mark.what), mark.way_out);
  }
  return std::nullopt;
}

Verdict judge_zip(std::string_view bytes) {
  const auto names = zip_names(bytes);
  const auto any = [&](std::string_view end) {
    return std::ranges::any_of(names, [end](auto name) { return name.ends_with(end); });
  };
  if (any("/constants.pkl")) return refused("a TorchScript model", kTorchWayOut);
  if (any("data.pkl")) return refused("a PyTorch file", kTorchWayOut);
  if (any("schema.json")) return refused("a skops file", kSklearnWayOut);
  if (any("metadata.json") && any("config.json")) return refused("a Keras model", kKerasWayOut);
  if (any(".npy")) return refused("a NumPy archive", kNoModelWayOut);
  return refused("a zip file", "name the model file that is inside");
}

Verdict judge_ubjson(std::string_view bytes) {
  constexpr std::string_view kWidths = "iUIlL";
  constexpr std::array<size_t, 5> kBytes = {1, 1, 2, 4, 8};
  const size_t width = kBytes[kWidths.find(bytes[1])];
  if (bytes.size() < 2 + width) return unknown("UBJSON that is cut off at byte 2");
  uint64_t length = 0;
  for (size_t i = 0; i < width; ++i) length = length << 8 | static_cast<uint8_t>(bytes[2 + i]);
  const std::string_view rest = bytes.substr(2 + width);
  if (length > rest.size()) {
    return unknown(fmt::format("UBJSON that is broken at byte 2: its first key claims {} bytes, {} are left",
                               length, rest.size()));
  }
  const std::string_view key = rest.substr(0, static_cast<size_t>(length));
  if (key == "learner" || key == "version") return served("native", "XGBoost UBJSON");
  return unknown("UBJSON, but no XGBoost model: its first key is neither 'learner' nor 'version'");
}

bool is_ubjson(std::string_view bytes) {
  return bytes.size() > 1 && bytes[0] == '{' && "iUIlL"sv.find(bytes[1]) != std::string_view::npos;
}

Verdict judge_json(std::string_view bytes) {
  json::Scanner in(bytes, {.string_bytes = bytes.size(), .non_finite = json::NonFinite::kRead});
  bool learner = false;
  bool trees = false;
  bool features = false;
  if (!in.begin_object())
    return unknown(fmt::format("no model, though it begins like JSON ({})", in.error().message));
  for (std::string_view key; in.next_key(key);) {
    learner = learner || (key == "learner" && in.peek() == json::Kind::kObject);
    trees = trees || key == "oblivious_trees" || key == "trees";
    features = features || key == "features_info";
    if (!in.skip()) break;
  }
  // A broken file that names a learner is the reader's to explain.
  if (learner) return served("native", "XGBoost JSON");
  if (trees && features) return refused("a CatBoost model in JSON", kCatBoostWayOut);
  if (!in.finish()) return unknown(fmt::format("broken JSON: {}", in.error().message));
  return unknown("JSON, but no XGBoost model: it has no object 'learner'");
}

// Both are protobuf messages that begin with a small number; an ONNX ModelProto has its graph in field 7.
std::optional<Verdict> judge_protobuf(std::string_view bytes) {
  wire::Reader in(bytes);
  if (!in.next() || !in.is(1, wire::Type::kVarint) || in.number() > 64) return std::nullopt;
  const bool version_one = in.number() == 1;
  const bool more = in.next();
  const bool long_second = in.field() == 2 && (!more || in.bytes().size() > 1024);
  if (version_one && long_second) return refused("a TensorFlow SavedModel", kTensorFlowWayOut);
  bool known = more;
  bool graph = false;
  for (bool next = more; next; next = in.next()) {
    known = known && in.field() <= 64;
    graph = graph || in.is(7, wire::Type::kBytes);
  }
  if (graph || (known && !in.good() && in.field() <= 8)) return served("onnx", "ONNX");
  if (!in.good()) return std::nullopt;
  return unknown("a protobuf message, but no ONNX model: it has no graph");
}

bool is_text(std::string_view bytes) {
  constexpr size_t kLooked = 4096;
  return std::ranges::all_of(bytes.substr(0, kLooked), [](char c) {
    return static_cast<unsigned char>(c) >= ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f';
  });
}

std::string_view first_line(std::string_view text) {
  constexpr size_t kShown = 40;
  const size_t start = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  return text.substr(start, std::min(text.find_first_of("\r\n", start) - start, kShown));
}

// For messages, which go into JSON.
std::string in_ascii(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

bool is_python(std::string_view text) {
  constexpr std::array kStarts = {"import "sv, "from "sv, "class "sv, "def "sv, "#!/usr/bin/env python"sv};
  for (size_t at = 0; at < text.size();) {
    const std::string_view line = text.substr(at, text.find('\n', at) - at);
    for (const auto start : kStarts) {
      if (line.starts_with(start)) return true;
    }
    at += line.size() + 1;
  }
  return false;
}

Verdict judge_text(std::string_view bytes) {
  const auto line = first_line(bytes);
  if (line == "tree" && bytes.find("\nversion=") != std::string_view::npos)
    return served("native", "LightGBM text");
  if (is_python(bytes.substr(0, 64 << 10))) return refused("Python source", kPythonWayOut);
  return unknown(fmt::format("text, but no model; it begins with '{}'", in_ascii(line)));
}

std::string first_bytes(std::string_view bytes) {
  std::string out;
  for (const char c : bytes.substr(0, 8))
    out += fmt::format("{}{:02x}", out.empty() ? "" : " ", static_cast<uint8_t>(c));
  return out;
}

}  // namespace

Verdict judge(std::string_view bytes) {
  if (bytes.empty()) return unknown("an empty file");
  if (auto mark = judge_mark(bytes)) return *mark;
  if (bytes.starts_with("PK\3\4") || bytes.starts_with("PK\5\6")) return judge_zip(bytes);
  if (is_ubjson(bytes)) return judge_ubjson(bytes);
  if (auto message = judge_protobuf(bytes)) return *message;
  if (is_pickle(bytes)) return refused("a Python pickle", kPickleWayOut);
  const size_t start = bytes.find_first_not_of(" \t\r\n");
  if (start != std::string_view::npos && bytes[start] == '{') return judge_json(bytes);
  if (is_text(bytes)) return judge_text(bytes);
  return unknown(fmt::format("of no known kind; it begins with the bytes {}", first_bytes(bytes)));
}

}  // namespace slipway::server
