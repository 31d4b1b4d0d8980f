#include "values/domain/revision.h"

#include <nlohmann/json.hpp>

#include "values/base/digest.h"

namespace slipway::domain {
namespace {

using json::Document;
using json::member;
using json::text_of;

int64_t number_of(const Document& object, std::string_view name) {
  const Document& number = member(object, name);
  return number.is_number_integer() ? number.get<int64_t>() : 0;
}

}  // namespace

std::string revision_name(const RevisionSpec& revision) {
  const ServingSettings& settings = revision.settings;
  const std::string what = fmt::format("{}\n{}\n{}\n{}\n{}", revision.digest, settings.cpu_millis,
                                       settings.memory_bytes, settings.timeout.count(), settings.queue);
  return fmt::format("{}-{}-{}", revision.deployment, revision.version, base::sha256(what).short_hex());
}

Document to_document(const RevisionSpec& revision) {
  const ServingSettings& settings = revision.settings;
  Document out{{"name", revision.name},         {"deployment", revision.deployment},
               {"model", revision.model},       {"version", revision.version},
               {"digest", revision.digest},     {"artifact", revision.artifact},
               {"settings", Document::object()}};
  const auto put = [&](const char* name, int64_t value) {
    if (value != 0) out["settings"][name] = value;
  };
  put("cpuMillis", settings.cpu_millis);
  put("memoryBytes", settings.memory_bytes);
  put("timeoutMillis", std::chrono::duration_cast<std::chrono::milliseconds>(settings.timeout).count());
  put("queue", settings.queue);
  return out;
}

Result<RevisionSpec> parse_revision(const Document& document) {
  const Document& settings = member(document, "settings");
  RevisionSpec out{.name = text_of(document, "name"),
                   .deployment = text_of(document, "deployment"),
                   .model = text_of(document, "model"),
                   .version = number_of(document, "version"),
                   .digest = text_of(document, "digest"),
                   .artifact = text_of(document, "artifact"),
                   .settings = {.cpu_millis = number_of(settings, "cpuMillis"),
                                .memory_bytes = number_of(settings, "memoryBytes"),
                                .timeout = std::chrono::milliseconds(number_of(settings, "timeoutMillis")),
                                .queue = number_of(settings, "queue")}};
  if (out.name.empty() || out.deployment.empty() || out.digest.empty() || out.version < 1)
    return fail(Code::kInvalid, "not a revision: name, deployment, digest and version are needed");
  return out;
}

}  // namespace slipway::domain
