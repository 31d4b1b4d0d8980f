#include "services/cli/place.h"

#include "system/http/client.h"
#include "system/runtime/mutex.h"

namespace slipway::cli {
namespace {

constexpr int kReachMs = 2'000;

// Whether something answers there at all: what it says is for whoever asks the question itself.
bool is_reached(const std::string& url) {
  const auto parsed = http::parse_url(url);
  if (!parsed) return false;
  http::Client client(*parsed, {.timeout_ms = kReachMs});
  const auto answer = client.begin({.method = base::Method::kGet, .target = "/v2/health/live"});
  return answer.has_value();
}

}  // namespace

struct Place::Forwarded {
  kube::PodPort pod;
  std::unique_ptr<kube::PortForward> forward;
  runtime::Mutex mutex;
  std::string problem SLIPWAY_GUARDED_BY(mutex);

  std::string said() SLIPWAY_EXCLUDES(mutex) {
    const runtime::MutexLock lock(mutex);
    return problem;
  }
};

Result<Place> Place::by_gateway(const Platform& platform) {
  const auto pod = find_gateway(platform);
  if (!pod) return fail(pod.error().error);
  Place out("");
  out.forwarded_ = std::make_shared<Forwarded>();
  Forwarded* forwarded = out.forwarded_.get();
  forwarded->pod = *pod;
  const auto on_error = [forwarded, platform](const kube::ApiError& error) {
    const runtime::MutexLock lock(forwarded->mutex);
    forwarded->problem = platform.explain(error);
  };
  auto forward = kube::PortForward::start(
      platform.access, [pod = *pod]() -> kube::Reply<kube::PodPort> { return pod; }, {.on_error = on_error});
  if (!forward) return fail(forward.error());
  forwarded->forward = std::move(*forward);
  out.url_ = "http://" + forwarded->forward->address().str();
  return out;
}

std::string Place::note() const { return forwarded_ ? forwarded_->said() : note_; }

std::string Place::way() const { return forwarded_ ? " through pod " + forwarded_->pod.pod : ""; }

std::string gateway_url(const std::string& model_url) {
  return model_url.substr(0, model_url.find("/v2/models/"));
}

Result<Place> find_place(const Platform& platform, const domain::ModelDeployment& deployment) {
  const auto where = platform.where();
  if (!where) return fail(where.error());
  const std::string url = gateway_url(deployment.status.url);
  // A cluster's own names mean nothing here, or something else.
  if (*where == Where::kMachine && url.empty())
    return fail(Code::kNotFound, "deployment {} does not say where it answers", deployment.name);
  if (*where == Where::kMachine) return Place(url);
  if (!url.empty() && is_reached(url)) return Place(url);
  return Place::by_gateway(platform);
}

}  // namespace slipway::cli
