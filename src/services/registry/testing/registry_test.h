// A registry behind a real socket, over a layout in a folder of its own.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "services/registry/registry.h"
#include "system/http/client.h"
#include "system/http/server.h"
#include "system/oci/testing/layout_test.h"

namespace slipway::registry::testing {

class RegistryTest : public oci::testing::LayoutTest {
 protected:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  void start(oci::LayoutOptions options = {}, RegistryOptions registry_options = {}) {
    stop();
    open(options);
    executor_ = std::make_unique<runtime::Executor>(runtime::Executor::Options{.name = "disk", .threads = 2});
    registry_ = std::make_unique<Registry>(registry_options, *layout_, *executor_);
    server_ = std::make_unique<http::Server>(
        http::ServerOptions{.address = *http::parse_address("127.0.0.1:0")},
        [this](http::Exchange& exchange) { registry_->handle(exchange); }, clock_);
    ASSERT_TRUE(server_->start());
    client_ = std::make_unique<http::Client>(*http::parse_url("http://" + server_->address().str()));
  }
  void stop() {
    if (executor_) executor_->stop();
    if (server_) server_->stop();
    client_.reset();
    server_.reset();
    registry_.reset();
    executor_.reset();
  }
  void TearDown() override { stop(); }

  http::Response ask(base::Method method, const std::string& target, std::string_view body = "",
                     Headers headers = {}) {
    auto answer =
        client_->ask({.method = method, .target = target, .headers = std::move(headers), .body = body});
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? *answer : http::Response{};
  }
  http::Response get(const std::string& target, Headers headers = {}) {
    return ask(base::Method::kGet, target, "", std::move(headers));
  }
  // The registry's word for what is wrong.
  static std::string code_of(const http::Response& answer) {
    const auto body = nlohmann::json::parse(answer.body, nullptr, false);
    return body.is_object() && body.contains("errors") ? body["errors"][0]["code"].get<std::string>() : "";
  }
  // Where a fresh upload is.
  std::string begin(const std::string& repository = "credit") {
    const auto begun = ask(base::Method::kPost, "/v2/" + repository + "/blobs/uploads/");
    EXPECT_EQ(begun.status, 202);
    return std::string(begun.find("location"));
  }
  Digest upload(std::string_view content) {
    const Digest digest = base::sha256(content);
    EXPECT_EQ(ask(base::Method::kPost, "/v2/credit/blobs/uploads/?digest=" + digest.str(), content).status,
              201);
    return digest;
  }
  // A model's manifest, with its files there.
  std::string upload_model(const std::string& content) {
    const oci::ModelManifest made = manifest_of(content);
    upload(content);
    upload(made.config);
    return made.manifest;
  }
  http::Response put_manifest(const std::string& reference, const std::string& text,
                              const std::string& repository = "credit") {
    return ask(base::Method::kPut, "/v2/" + repository + "/manifests/" + reference, text,
               {{"content-type", std::string(oci::kManifestType)}});
  }

  std::unique_ptr<runtime::Executor> executor_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Client> client_;
};

}  // namespace slipway::registry::testing
