#include "system/kube/internal/lease_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace slipway::kube::internal {
namespace {

using nlohmann::json;

constexpr const char* kApiVersion = "coordination.k8s.io/v1";
constexpr int64_t kLongestSeconds = 3600;
constexpr int64_t kMostTransitions = INT32_MAX - 1;  // an int32 in the API

std::string text_at(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int64_t number_at(const json& object, const char* key, int64_t most) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer()) return 0;
  const auto value = found->get<int64_t>();
  return value >= 0 && value <= most ? value : 0;
}

}  // namespace

Result<LeaseRecord> read_lease(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object())
    return fail(Code::kInvalid, "the lease is not what an API server sends: no object");
  const auto spec = object.find("spec");
  if (spec == object.end() || !spec->is_object()) return LeaseRecord{};
  return LeaseRecord{.holder = text_at(*spec, "holderIdentity"),
                     .duration_seconds = number_at(*spec, "leaseDurationSeconds", kLongestSeconds),
                     .acquired = text_at(*spec, "acquireTime"),
                     .renewed = text_at(*spec, "renewTime"),
                     .transitions = number_at(*spec, "leaseTransitions", kMostTransitions)};
}

std::string write_lease(std::string_view base, const LeaseRecord& record) {
  json object = json::parse(base, nullptr, false);
  if (!object.is_object()) object = json::object();
  object["apiVersion"] = kApiVersion;  // items of a list lack them
  object["kind"] = "Lease";
  // Absent, they stay as they are; they are most of the bytes.
  if (object.contains("metadata") && object["metadata"].is_object())
    object["metadata"].erase("managedFields");
  json& spec = object["spec"];
  if (!spec.is_object()) spec = json::object();
  spec["holderIdentity"] = record.holder;
  spec["leaseDurationSeconds"] = record.duration_seconds;
  spec["acquireTime"] = record.acquired;
  spec["renewTime"] = record.renewed;
  spec["leaseTransitions"] = record.transitions;
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string new_lease(std::string_view ns, std::string_view name) {
  return json{
      {"apiVersion", kApiVersion}, {"kind", "Lease"}, {"metadata", {{"name", name}, {"namespace", ns}}}}
      .dump();
}

std::string micro_time(WallTime time) {
  std::string out = base::rfc3339(time);
  const auto micros = std::chrono::floor<std::chrono::microseconds>(time).time_since_epoch().count();
  out.pop_back();
  return fmt::format("{}{:03}Z", out, (micros % 1000 + 1000) % 1000);
}

}  // namespace slipway::kube::internal
