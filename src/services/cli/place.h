// Where requests of this machine reach a deployment: what the command line says, else where its deployment
// says, else, on a cluster, a gateway's pod through the API server.
#pragma once

#include <memory>
#include <string>

#include "services/cli/platform.h"
#include "services/cli/pods.h"
#include "values/domain/model_deployment.h"

namespace slipway::cli {

class Place {
 public:
  // `url` may be no more than a guess; `note` says then why nothing better is known.
  explicit Place(std::string url, std::string note = "") : url_(std::move(url)), note_(std::move(note)) {}
  // A listener whose connections end at a gateway of the platform.
  static Result<Place> by_gateway(const Platform& platform);

  const std::string& url() const { return url_; }
  // What people should know when nothing answers there; of a forwarded connection, what ended it.
  std::string note() const;
  std::string way() const;  // " through pod slipway-gateway-1", or empty

 private:
  struct Forwarded;
  std::string url_, note_;
  std::shared_ptr<Forwarded> forwarded_;
};

// http://127.0.0.1:8080 of http://127.0.0.1:8080/v2/models/credit.
std::string gateway_url(const std::string& model_url);

// Asks the platform. An error says what is in the way and the next step.
Result<Place> find_place(const Platform& platform, const domain::ModelDeployment& deployment);

}  // namespace slipway::cli
