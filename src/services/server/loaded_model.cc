#include "services/server/loaded_model.h"

#include <algorithm>
#include <iterator>

namespace slipway::server {
namespace {

telemetry::Histogram& stage(telemetry::Registry& registry, const std::string& model,
                            const std::string& version, std::string_view name) {
  return registry.histogram("slipway_server_stage_seconds", "Time of a request's stages.",
                            {{"model", model}, {"version", version}, {"stage", std::string(name)}});
}

}  // namespace

ModelMetrics::ModelMetrics(telemetry::Registry& registry, const std::string& model,
                           const std::string& version)
    : parse(stage(registry, model, version, "parse")),
      queue(stage(registry, model, version, "queue")),
      run(stage(registry, model, version, "run")),
      write(stage(registry, model, version, "write")) {
  for (int status : kStatuses)
    by_status_.push_back(
        &registry.counter("slipway_server_requests", "Inference requests, by what was answered.",
                          {{"model", model}, {"version", version}, {"code", std::to_string(status)}}));
}

telemetry::Counter& ModelMetrics::requests(int status) const {
  const auto at = std::find(std::begin(kStatuses), std::end(kStatuses), status);
  const int other = status < 500 ? 400 : 500;
  return at != std::end(kStatuses) ? *by_status_[static_cast<size_t>(at - std::begin(kStatuses))]
                                   : requests(other);
}

ModelTable::ModelTable(std::vector<std::unique_ptr<LoadedModel>> models) : models_(std::move(models)) {
  for (const auto& model : models_) by_name_[model->name].models.push_back(model.get());
  for (auto& [name, versions] : by_name_) {
    std::ranges::sort(versions.models, {}, &LoadedModel::version);
    for (const LoadedModel* model : versions.models) versions.texts.push_back(model->version_text);
    names_.push_back(name);
  }
}

Result<const LoadedModel*> ModelTable::find(std::string_view name, std::string_view version) const {
  const auto at = by_name_.find(name);
  if (at == by_name_.end())
    return fail(Code::kNotFound, "no model '{}'; there is {}", name.substr(0, 100),
                names_.empty() ? "none" : fmt::format("{}", fmt::join(names_, ", ")));
  if (version.empty()) return at->second.models.back();
  for (const LoadedModel* model : at->second.models)
    if (model->version_text == version) return model;
  return fail(Code::kNotFound, "model '{}' has no version '{}'; there is {}", name, version.substr(0, 100),
              fmt::join(at->second.texts, ", "));
}

Result<const LoadedModel*> ModelTable::find_revision(std::string_view name, std::string_view revision) const {
  const auto at = by_name_.find(name);
  if (at == by_name_.end()) return find(name, {});
  std::vector<std::string_view> existing;
  for (const LoadedModel* model : at->second.models) {
    if (model->revision == revision || model->revision_header == revision) return model;
    existing.push_back(model->revision);
  }
  return fail(Code::kNotFound, "model '{}' has no revision '{}'; there is {}", name, revision.substr(0, 200),
              fmt::join(existing, ", "));
}

const std::vector<std::string>& ModelTable::versions(const LoadedModel& model) const {
  return by_name_.find(model.name)->second.texts;
}

}  // namespace slipway::server
