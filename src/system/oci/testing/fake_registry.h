// A registry that answers what a test tells it to, well or badly, and remembers what it was asked. It knows
// nothing of the specification: the real ones pass the same steps in tests/e2e.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "system/http/server.h"
#include "system/oci/client.h"

namespace slipway::oci::testing {

class FakeRegistry {
 public:
  using Handler = std::function<void(http::Exchange&)>;

  explicit FakeRegistry(std::shared_ptr<const http::TlsServer> tls = nullptr) {
    server_ = std::make_unique<http::Server>(
        http::ServerOptions{.address = *http::parse_address("127.0.0.1:0"), .tls = std::move(tls)},
        [this](http::Exchange& exchange) { handle(exchange); }, clock_);
    EXPECT_TRUE(server_->start());
  }
  ~FakeRegistry() { server_->stop(); }

  std::string address() const { return server_->address().str(); }
  http::Url url() const { return *http::parse_url("http://" + address()); }

  // What a path is answered with from now on; several: one after the other, the last one ever after.
  void on(const std::string& path, std::deque<Handler> handlers) {
    const std::lock_guard lock(mutex_);
    handlers_[path] = std::move(handlers);
  }
  void on(const std::string& path, Handler handler) { on(path, std::deque<Handler>{std::move(handler)}); }
  void give(const std::string& path, const std::string& body) { on(path, text(200, body)); }
  // A version of these files; gives its digest.
  Digest give_version(const std::string& repository, const std::map<std::string, std::string>& contents) {
    std::vector<ModelFile> files;
    for (const auto& [path, content] : contents) {
      files.push_back(
          {.path = path, .size = content.size(), .digest = base::sha256(content), .role = role_of(path)});
      give(blob(repository, base::sha256(content)), content);
    }
    const ModelManifest made = make_model_manifest(files, "onnx");
    const Digest digest = base::sha256(made.manifest);
    give(manifest(repository, digest), made.manifest);
    return digest;
  }
  static std::string blob(const std::string& repository, const Digest& digest) {
    return "/v2/" + repository + "/blobs/" + digest.str();
  }
  static std::string manifest(const std::string& repository, const Digest& digest) {
    return "/v2/" + repository + "/manifests/" + digest.str();
  }

  static Handler text(int status, std::string body) {
    return [status, body = std::move(body)](http::Exchange& exchange) {
      exchange.respond({.status = status, .content_type = "application/octet-stream", .body = body});
    };
  }
  static Handler with_header(int status, std::string name, std::string value, std::string body = "") {
    return [=](http::Exchange& exchange) {
      const std::vector<base::Header> headers{{name, value}};
      exchange.respond({.status = status, .headers = headers, .body = body});
    };
  }
  // That answer unless the request carries this Authorization.
  static Handler unless(std::string authorization, Handler refuse, Handler then) {
    return [=](http::Exchange& exchange) {
      exchange.head().find("authorization") == authorization ? then(exchange) : refuse(exchange);
    };
  }

  // "GET /v2/… authorization=…", without those that no test looks at.
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  void handle(http::Exchange& exchange) {
    Handler handler = text(404, R"({"errors":[{"message":"not here"}]})");
    {
      const std::lock_guard lock(mutex_);
      const base::RequestHead& head = exchange.head();
      std::string line = fmt::format("{} {}", base::name(head.method), head.target);
      for (const char* name : {"authorization", "range", "x-slipway-token"})
        if (const auto value = head.find(name); !value.empty()) line += fmt::format(" {}={}", name, value);
      asked_.push_back(line);
      if (const auto at = handlers_.find(std::string(head.path)); at != handlers_.end()) {
        handler = at->second.front();
        if (at->second.size() > 1) at->second.pop_front();
      }
    }
    handler(exchange);
  }

  const runtime::RealClock clock_;
  std::mutex mutex_;
  std::map<std::string, std::deque<Handler>> handlers_;
  std::vector<std::string> asked_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace slipway::oci::testing
