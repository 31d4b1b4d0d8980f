#include "system/kube/metrics.h"

#include <array>

namespace slipway::kube {
namespace {

constexpr std::array kVerbs = {Verb::kGet,    Verb::kList,  Verb::kWatch,  Verb::kCreate,
                               Verb::kUpdate, Verb::kPatch, Verb::kDelete, Verb::kRead};

struct Family {
  std::string_view name, help;
};
constexpr Family kRequests{"slipway_kube_requests", "Requests to the API server by verb and HTTP status."};
constexpr Family kRetries{"slipway_kube_retries",
                          "Requests asked again because the API server was too busy, by verb."};
constexpr Family kRestarts{"slipway_kube_watch_restarts",
                           "Watches that went on over another connection, by resource."};
constexpr Family kRelists{"slipway_kube_relists", "Watches that had to begin anew with a list, by resource."};

}  // namespace

std::string_view name(Verb verb) {
  constexpr std::array<std::string_view, kVerbs.size()> kNames = {"get",    "list",  "watch",  "create",
                                                                  "update", "patch", "delete", "read"};
  return kNames[static_cast<size_t>(verb)];
}

ApiMetrics::ApiMetrics(telemetry::Registry& registry) : registry_(registry) {
  for (const Verb verb : kVerbs) {
    const std::string text(name(verb));
    registry.counter(kRequests.name, kRequests.help,
                     {{"verb", text}, {"code", verb == Verb::kCreate ? "201" : "200"}});
    registry.counter(kRetries.name, kRetries.help, {{"verb", text}});
  }
}

void ApiMetrics::answered(Verb verb, int status) {
  const std::string code = status == 0 ? "none" : fmt::format("{}", status);
  registry_.counter(kRequests.name, kRequests.help, {{"verb", std::string(name(verb))}, {"code", code}})
      .add();
}

void ApiMetrics::retried(Verb verb) {
  registry_.counter(kRetries.name, kRetries.help, {{"verb", std::string(name(verb))}}).add();
}

void ApiMetrics::restarted(const Resource& resource) {
  registry_.counter(kRestarts.name, kRestarts.help, {{"resource", resource.str()}}).add();
}

void ApiMetrics::relisted(const Resource& resource) {
  registry_.counter(kRelists.name, kRelists.help, {{"resource", resource.str()}}).add();
}

}  // namespace slipway::kube
