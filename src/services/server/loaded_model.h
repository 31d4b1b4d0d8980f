// A model that is loaded, warmed and counted, and the table of all of them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ports/backend/backend.h"
#include "services/server/cost.h"
#include "system/telemetry/metrics.h"
#include "values/base/digest.h"

namespace slipway::server {

// What is counted of one revision, made at load so that the request path only adds.
struct ModelMetrics {
  ModelMetrics(telemetry::Registry& registry, const std::string& model, const std::string& version);
  telemetry::Counter& requests(int status) const;

  telemetry::Histogram &parse, &queue, &run, &write;

 private:
  static constexpr int kStatuses[] = {200, 400, 404, 413, 500, 501, 503, 504};
  std::vector<telemetry::Counter*> by_status_;  // in the order of kStatuses
};

struct LoadedModel {
  std::string name;
  int64_t version = 1;
  std::string version_text;
  std::string revision;
  Digest digest;
  std::string revision_header;  // `<revision>; digest=sha256:…`
  std::unique_ptr<backend::Model> model;
  std::unique_ptr<ModelMetrics> metrics;
  mutable Cost cost;
};

// Immutable once published; readers hold no lock.
class ModelTable {
 public:
  explicit ModelTable(std::vector<std::unique_ptr<LoadedModel>> models);

  // The version asked for, or the highest when `version` is empty. kNotFound names what exists.
  Result<const LoadedModel*> find(std::string_view name, std::string_view version) const;
  Result<const LoadedModel*> find_revision(std::string_view name, std::string_view revision) const;

  const std::vector<std::string>& names() const { return names_; }
  // Of one model, rising.
  const std::vector<std::string>& versions(const LoadedModel& model) const;
  const std::vector<std::unique_ptr<LoadedModel>>& models() const { return models_; }

 private:
  struct Versions {
    std::vector<const LoadedModel*> models;  // rising
    std::vector<std::string> texts;
  };
  std::vector<std::unique_ptr<LoadedModel>> models_;
  std::map<std::string, Versions, std::less<>> by_name_;
  std::vector<std::string> names_;
};

}  // namespace slipway::server
