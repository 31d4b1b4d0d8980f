// What the programs that load `slipway control` share: where it is, one connection to it, and objects to
// send.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "system/http/client.h"
#include "system/kube/kubeconfig.h"
#include "values/base/result.h"

namespace slipway::bench {

inline constexpr std::string_view kDeployments =
    "/apis/slipway.dev/v1alpha1/namespaces/default/modeldeployments";

// Ends the program with the error: a measure that failed has no figure.
template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::exit(1);
}

struct Target {
  http::Url url;
  http::ClientOptions options;
};

inline Target target_of(const std::string& kubeconfig) {
  const auto loaded = must(kube::load_access(std::span(&kubeconfig, 1), ""));
  return {.url = must(http::parse_url(loaded.access.server)),
          .options = {.ca_pem = loaded.access.ca_pem, .bearer_token = loaded.access.token}};
}

inline std::string deployment_name(size_t number) { return fmt::format("bench-{:05}", number); }

inline std::string deployment(size_t number) {
  return fmt::format(
      R"({{"apiVersion":"slipway.dev/v1alpha1","kind":"ModelDeployment","metadata":{{"name":"{}","labels":{{"team":"risk","tier":"gold"}}}},)"
      R"("spec":{{"model":"credit","version":{},"replicas":2,"resources":{{"cpu":"1","memory":"512Mi"}}}}}})",
      deployment_name(number), number % 900 + 1);
}

// A status as the deployment loop writes it, with an address that makes it a new one.
inline std::string with_status(std::string_view name, std::string_view version, std::string_view address) {
  return fmt::format(
      R"({{"apiVersion":"slipway.dev/v1alpha1","kind":"ModelDeployment","metadata":{{"name":"{}","namespace":"default","resourceVersion":"{}"}},)"
      R"("spec":{{"model":"credit","version":1}},"status":{{"observedGeneration":1,"replicas":2,"desiredReplicas":2,)"
      R"("selector":"slipway.dev/deployment={}","url":"{}","conditions":[)"
      R"({{"type":"Ready","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z","reason":"AllReady","message":"2 of 2 replicas answer"}},)"
      R"({{"type":"Serving","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z","reason":"AllReady","message":"2 of 2 replicas answer"}}]}}}})",
      name, version, name, address);
}

// `"key":"<value>"` of JSON that is known to have it; what is quoted here is never escaped.
inline std::string_view quoted(std::string_view text, std::string_view key) {
  const std::string mark = fmt::format("\"{}\":\"", key);
  const size_t at = text.find(mark);
  if (at == std::string_view::npos) return {};
  const size_t from = at + mark.size();
  return text.substr(from, text.find('"', from) - from);
}

inline http::Response ask(http::Client& client, const http::Request& request, int wanted) {
  auto response = must(client.ask(request));
  if (response.status == wanted) return response;
  std::fprintf(stderr, "%s: %d: %s\n", request.target.c_str(), response.status,
               response.body.substr(0, 500).c_str());
  std::exit(1);
}

}  // namespace slipway::bench
