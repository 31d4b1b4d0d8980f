#include "system/oci/manifest.h"

#include <algorithm>
#include <array>
#include <set>

#include <nlohmann/json.hpp>

#include "values/json/document.h"

namespace slipway::oci {
namespace {

using json::Document;
using json::member;
using json::text_of;

constexpr size_t kMaxDescriptors = 10'000;
constexpr std::string_view kPathKey = "org.cncf.model.filepath";
constexpr std::string_view kTitleKey = "org.opencontainers.image.title";

constexpr std::array<std::pair<Role, std::string_view>, 4> kRoles{
    {{Role::kWeights, "application/vnd.cncf.model.weight.v1.raw"},
     {Role::kConfig, "application/vnd.cncf.model.weight.config.v1.raw"},
     {Role::kCode, "application/vnd.cncf.model.code.v1.raw"},
     {Role::kDocument, "application/vnd.cncf.model.doc.v1.raw"}}};

Result<Annotations> parse_annotations(const Document& object) {
  Annotations out;
  const Document& annotations = member(object, "annotations");
  if (annotations.is_null()) return out;
  if (!annotations.is_object()) return fail(Code::kInvalid, "annotations must be an object of strings");
  for (const auto& [key, value] : annotations.items()) {
    if (!value.is_string()) return fail(Code::kInvalid, "annotation {} must be a string", key);
    out.emplace(key, value.get<std::string>());
  }
  return out;
}

Result<Descriptor> parse_descriptor(const Document& object, std::string_view where) {
  const auto digest = Digest::parse(text_of(object, "digest"));
  if (!digest) return fail(Code::kInvalid, "{}: the digest must be sha256:<64 hex digits>", where);
  const Document& size = member(object, "size");
  if (!size.is_number_integer() || size < 0)
    return fail(Code::kInvalid, "{}: size must be a number of bytes", where);
  std::string type = text_of(object, "mediaType"), artifact_type = text_of(object, "artifactType");
  if (Status fine = check_media_type(type); !fine) return fail(within(where, fine.error()));
  if (Status fine = check_media_type(artifact_type); !artifact_type.empty() && !fine)
    return fail(within(where, fine.error()));
  auto annotations = parse_annotations(object);
  if (!annotations) return fail(within(where, annotations.error()));
  return Descriptor{.media_type = std::move(type),
                    .digest = *digest,
                    .size = size.get<uint64_t>(),
                    .annotations = std::move(*annotations),
                    .artifact_type = std::move(artifact_type)};
}

Status parse_list(const Document& manifest, std::string_view name, std::vector<Descriptor>& out) {
  const Document& list = member(manifest, name);
  if (list.is_null()) return ok();
  if (!list.is_array() || list.size() > kMaxDescriptors)
    return fail(Code::kInvalid, "{} must be a list of at most {} descriptors", name, kMaxDescriptors);
  for (const Document& each : list) {
    auto descriptor = parse_descriptor(each, fmt::format("{}[{}]", name, out.size()));
    if (!descriptor) return fail(descriptor.error());
    out.push_back(std::move(*descriptor));
  }
  return ok();
}

Document to_document(const Descriptor& descriptor) {
  Document out{
      {"mediaType", descriptor.media_type}, {"digest", descriptor.digest.str()}, {"size", descriptor.size}};
  if (!descriptor.annotations.empty()) out["annotations"] = descriptor.annotations;
  return out;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

Result<ModelFile> to_model_file(const Descriptor& layer) {
  if (layer.media_type.find("tar") != std::string::npos)
    return fail(Code::kUnsupported, "the layer {} is an archive ({}); a model version holds plain files",
                layer.digest.str(), layer.media_type);
  const auto* const role = std::find_if(kRoles.begin(), kRoles.end(),
                                        [&](const auto& each) { return each.second == layer.media_type; });
  if (role == kRoles.end())
    return fail(Code::kUnsupported, "the layer {} is of an unknown type ({})", layer.digest.str(),
                layer.media_type);
  auto path = layer.annotations.find(std::string(kPathKey));
  if (path == layer.annotations.end()) path = layer.annotations.find(std::string(kTitleKey));
  if (path == layer.annotations.end())
    return fail(Code::kInvalid, "the layer {} does not say which file it is ({})", layer.digest.str(),
                kPathKey);
  if (Status fine = check_model_path(path->second); !fine) return fail(fine.error());
  // Where a version becomes a folder, its manifest stands under this name.
  if (path->second == "manifest.json")
    return fail(Code::kUnsupported, "a model's file cannot be called manifest.json");
  return ModelFile{.path = path->second, .size = layer.size, .digest = layer.digest, .role = role->first};
}

// What it says it is, what it was sent as, or what it looks like: the first of these that says anything.
Status take_types(const Document& document, std::string_view content_type, Manifest& out) {
  out.media_type = text_of(document, "mediaType");
  out.artifact_type = text_of(document, "artifactType");
  std::string_view sent = content_type.substr(0, content_type.find(';'));
  while (sent.ends_with(' ')) sent.remove_suffix(1);
  if (!out.media_type.empty() && !sent.empty() && out.media_type != sent)
    return fail(Code::kInvalid, "the manifest says that it is {}, and was sent as {}",
                out.media_type.substr(0, 255), sent.substr(0, 255));
  if (out.media_type.empty()) out.media_type = sent;
  if (out.media_type.empty())
    out.media_type = member(document, "manifests").is_array() ? kIndexType : kManifestType;
  if (Status fine = check_media_type(out.media_type); !fine) return fine;
  return out.artifact_type.empty() ? ok() : check_media_type(out.artifact_type);
}

// A file cannot be another file's folder.
Status check_nesting(const std::set<std::string>& paths) {
  for (const std::string& path : paths)
    for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
      if (paths.contains(path.substr(0, slash)))
        return fail(Code::kInvalid, "'{}' is a file and a folder in the manifest", path.substr(0, slash));
  return ok();
}

}  // namespace

Status check_media_type(std::string_view type) {
  const auto allowed = [](char c) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return word || std::string_view("!#$&-^_.+").find(c) != std::string_view::npos;
  };
  const size_t slash = type.find('/');
  const bool fine = slash != std::string_view::npos && slash > 0 && slash + 1 < type.size() &&
                    type.size() <= 255 && std::ranges::all_of(type.substr(0, slash), allowed) &&
                    std::ranges::all_of(type.substr(slash + 1), allowed);
  if (fine) return ok();
  return fail(Code::kInvalid, "mediaType must be type/subtype, at most 255 characters");
}

Result<Manifest> parse_manifest(std::string_view text, std::string_view content_type) {
  auto document = json::parse_document(text, {.bytes = kManifestBytes, .depth = 16});
  if (!document) return fail(document.error());
  if (!document->is_object() || member(*document, "schemaVersion") != 2)
    return fail(Code::kInvalid, "a manifest is a JSON object with schemaVersion 2");
  Manifest out;
  if (Status types = take_types(*document, content_type, out); !types) return fail(types.error());
  const Document& config = member(*document, "config");
  const bool is_index = member(*document, "manifests").is_array();
  if (is_index != config.is_null() || (is_index && !member(*document, "layers").is_null()))
    return fail(Code::kInvalid, "a manifest has a config and layers, or it is an index with manifests");
  if (!is_index) {
    auto descriptor = parse_descriptor(config, "config");
    if (!descriptor) return fail(descriptor.error());
    if (out.artifact_type.empty()) out.artifact_type = descriptor->media_type;
    out.blobs.push_back(std::move(*descriptor));
  }
  if (Status layers = parse_list(*document, "layers", out.blobs); !layers) return fail(layers.error());
  if (Status manifests = parse_list(*document, "manifests", out.manifests); !manifests)
    return fail(manifests.error());
  if (const Document& subject = member(*document, "subject"); !subject.is_null()) {
    auto descriptor = parse_descriptor(subject, "subject");
    if (!descriptor) return fail(descriptor.error());
    out.subject = std::move(*descriptor);
  }
  auto annotations = parse_annotations(*document);
  if (!annotations) return fail(annotations.error());
  out.annotations = std::move(*annotations);
  return out;
}

Status check_model_path(std::string_view path) {
  const auto bad = [&](std::string_view why) {
    return fail(Code::kInvalid, "the file path '{}' {}", path.substr(0, 128), why);
  };
  if (path.empty() || path.size() > 512) return bad("must have 1 to 512 bytes");
  for (const char c : path)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '\\')
      return bad("holds a backslash or a control character");
  size_t parts = 0;
  for (std::string_view rest = path;;) {
    const size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part == "." || part == ".." || part.size() > 255)
      return bad("must be relative, without empty parts, '.' and '..'");
    if (++parts > 16) return bad("has more than 16 parts");
    if (slash == rest.size()) return ok();
    rest.remove_prefix(slash + 1);
  }
}

Role role_of(std::string_view path) {
  const std::string name = lower_case(path.substr(path.rfind('/') + 1));
  const auto ends = [&](std::string_view suffix) { return name.ends_with(suffix); };
  if (ends(".md") || ends(".txt.md") || ends(".rst") || name == "license" || name == "notice")
    return Role::kDocument;
  if (ends(".py") || ends(".sh")) return Role::kCode;
  if (ends(".yaml") || ends(".yml") || name == "config.json" || ends("_config.json") ||
      name == "signature.json")
    return Role::kConfig;
  return Role::kWeights;
}

ModelManifest make_model_manifest(std::vector<ModelFile> files, std::string_view format) {
  std::sort(files.begin(), files.end(),
            [](const ModelFile& a, const ModelFile& b) { return a.path < b.path; });
  Document layers = Document::array(), diffs = Document::array();
  for (const ModelFile& file : files) {
    std::string_view type;
    for (const auto& [role, text] : kRoles)
      if (role == file.role) type = text;
    layers.push_back(to_document(
        {.media_type = std::string(type),
         .digest = file.digest,
         .size = file.size,
         .annotations = {{std::string(kPathKey), file.path}, {std::string(kTitleKey), file.path}}}));
    diffs.push_back(file.digest.str());
  }
  const Document config{{"descriptor", Document::object()},
                        {"config", {{"format", std::string(format)}}},
                        {"modelfs", {{"type", "layers"}, {"diffIds", diffs}}}};
  ModelManifest out{.manifest = "", .config = json::canonical(config)};
  const Descriptor config_descriptor{.media_type = std::string(kModelConfigType),
                                     .digest = base::sha256(out.config),
                                     .size = out.config.size()};
  out.manifest = json::canonical({{"schemaVersion", 2},
                                  {"mediaType", std::string(kManifestType)},
                                  {"artifactType", std::string(kModelType)},
                                  {"config", to_document(config_descriptor)},
                                  {"layers", layers}});
  return out;
}

Result<std::vector<ModelFile>> parse_model_manifest(std::string_view text) {
  auto manifest = parse_manifest(text, "");
  if (!manifest) return fail(manifest.error());
  if (manifest->artifact_type != kModelType)
    return fail(Code::kInvalid, "this is no model's manifest: its artifact type is '{}'",
                manifest->artifact_type);
  std::vector<ModelFile> out;
  std::set<std::string> seen;
  for (size_t i = 1; i < manifest->blobs.size(); ++i) {
    auto file = to_model_file(manifest->blobs[i]);
    if (!file) return fail(file.error());
    if (!seen.insert(lower_case(file->path)).second)
      return fail(Code::kInvalid, "the file '{}' stands twice in the manifest", file->path);
    out.push_back(std::move(*file));
  }
  if (out.empty()) return fail(Code::kInvalid, "the manifest names no files");
  if (Status nesting = check_nesting(seen); !nesting) return fail(nesting.error());
  return out;
}

}  // namespace slipway::oci
