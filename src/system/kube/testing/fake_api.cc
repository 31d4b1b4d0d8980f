#include "system/kube/testing/fake_api.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <memory>

#include "system/http/certificates.h"
#include "system/http/tls.h"
#include "values/json/writer.h"

namespace slipway::kube::testing {
namespace {

void send(http::Exchange& exchange, const Canned& canned) {
  std::vector<base::Header> headers;
  for (const auto& [name, value] : canned.headers) headers.push_back({name, value});
  const http::Answer head{.status = canned.status, .headers = headers};
  if (canned.end == Canned::End::kWhole) {
    return exchange.respond({.status = canned.status, .headers = headers, .body = canned.body});
  }
  exchange.start(head);
  if (!canned.body.empty()) exchange.write(canned.body, nullptr);
  if (canned.end == Canned::End::kFinish) exchange.finish();
  if (canned.end == Canned::End::kAbort) exchange.abort();
}

}  // namespace

FakeApi::FakeApi(Transport transport)
    : server_(
          listen(transport),
          [this](http::Exchange& exchange) {
            exchange.read_all(1 << 20, [this](http::Exchange& from, Result<std::string_view> body) {
              answer(from, body ? *body : std::string_view());
            });
          },
          clock_) {
  EXPECT_TRUE(server_.start());
}

http::ServerOptions FakeApi::listen(Transport transport) {
  http::ServerOptions options{.address = *http::parse_address("127.0.0.1:0")};
  if (transport == Transport::kPlain) return options;
  const auto authority = http::make_authority("fake API", clock_.wall());
  const std::vector<std::string> names{"127.0.0.1"};
  const auto identity = http::issue_certificate(*authority, names, clock_.wall(), std::chrono::hours(1));
  ca_pem_ = authority->certificate_pem;
  options.tls = *http::TlsServer::make(*identity);
  if (transport == Transport::kTlsWithClients) ask_clients(options.tls->context());
  return options;
}

// Whoever they say they are: what is shown is recorded.
void FakeApi::ask_clients(ssl_ctx_st& context) {
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(
      &context,
      [](X509_STORE_CTX* verifying, void* self) {
        const std::unique_ptr<BIO, decltype(&BIO_free_all)> text(BIO_new(BIO_s_mem()), BIO_free_all);
        PEM_write_bio_X509(text.get(), X509_STORE_CTX_get0_cert(verifying));
        const char* bytes = nullptr;
        const long size = BIO_get_mem_data(text.get(), &bytes);
        auto& api = *static_cast<FakeApi*>(self);
        runtime::MutexLock lock(api.mutex_);
        api.clients_.emplace_back(bytes, static_cast<size_t>(size));
        return 1;
      },
      this);
}

FakeApi::~FakeApi() { server_.stop(); }

Access FakeApi::access() const {
  const std::string scheme = ca_pem_.empty() ? "http://" : "https://";
  return {.context = "fake", .server = scheme + server_.address().str(), .ca_pem = ca_pem_};
}

void FakeApi::will(const std::string& what, Canned answer) {
  runtime::MutexLock lock(mutex_);
  answers_[what].push_back(std::move(answer));
}

Canned FakeApi::take(const std::string& what) {
  auto& waiting = answers_[what];
  if (waiting.empty())
    return {.status = 404, .body = status_json(404, "NotFound", "nothing stands at " + what)};
  Canned out = std::move(waiting.front());
  waiting.pop_front();
  return out;
}

void FakeApi::answer(http::Exchange& exchange, std::string_view body) {
  const auto& head = exchange.head();
  Recorded recorded{.method = std::string(base::name(head.method)),
                    .target = std::string(head.target),
                    .body = std::string(body),
                    .headers = {}};
  for (const auto& [name, value] : head.headers) recorded.headers.emplace(name, value);
  Canned canned;
  {
    runtime::MutexLock lock(mutex_);
    canned = take(fmt::format("{} {}", recorded.method, head.path));
    requests_.push_back(std::move(recorded));
    asked_.notify_all();
  }
  send(exchange, canned);
}

std::vector<Recorded> FakeApi::requests() const {
  runtime::MutexLock lock(mutex_);
  return requests_;
}

std::vector<std::string> FakeApi::clients() const {
  runtime::MutexLock lock(mutex_);
  return clients_;
}

std::vector<std::string> FakeApi::targets() const {
  std::vector<std::string> out;
  for (const Recorded& request : requests()) out.push_back(request.method + " " + request.target);
  return out;
}

void FakeApi::await_requests(size_t count) {
  runtime::MutexLock lock(mutex_);
  while (requests_.size() < count) asked_.wait(mutex_);
}

std::string status_json(int code, std::string_view reason, std::string_view message) {
  std::string out;
  json::Writer(out).object([&](json::Writer& w) {
    w.key("kind").value("Status").key("apiVersion").value("v1").key("status").value("Failure");
    w.key("code").value(code).key("reason").value(reason).key("message").value(message);
  });
  return out;
}

}  // namespace slipway::kube::testing
