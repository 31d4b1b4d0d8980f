// Whom a client trusts, and what it says when it does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/http/client.h"
#include "system/http/internal/openssl.h"
#include "system/http/testing/test_server.h"
#include "system/http/testing/tls_peer.h"

namespace slipway::http {
namespace {

using namespace std::chrono_literals;
using testing::ServerTest;
using testing::test_authority;
using testing::tls_for;

class ClientTlsTest : public ServerTest {
 protected:
  Result<Response> hello(ClientOptions options, std::string_view host = "127.0.0.1") {
    Client client(*parse_url(fmt::format("https://{}:{}", host, server_->address().port)),
                  std::move(options));
    return client.ask({.target = "/hello"});
  }
  // The error, with "ADDRESS" for the server's.
  std::string refusal(ClientOptions options, std::string_view host = "127.0.0.1") {
    const auto response = hello(std::move(options), host);
    if (response) return "";
    EXPECT_EQ(response.error().code, Code::kDenied);
    std::string text = response.error().message;
    const std::string address = fmt::format("{}:{}", host, server_->address().port);
    if (const size_t at = text.find(address); at != std::string::npos)
      text.replace(at, address.size(), "ADDRESS");
    return text;
  }
  // Serves with a certificate that was issued at `then`, for a day.
  void start_as_issued_at(WallTime then) {
    const std::vector<std::string> names{"127.0.0.1"};
    tls_ = *TlsServer::make(*issue_certificate(test_authority(), names, then, 24h));
    start();
  }
  WallTime now() { return clock_.wall(); }
  const ClientOptions trusting_{.ca_pem = test_authority().certificate_pem};
};

TEST_F(ClientTlsTest, TrustsWhomTheCaSignedByAddressAndByName) {
  tls_ = tls_for();
  start();
  EXPECT_EQ(refusal(trusting_), "");
  EXPECT_EQ(refusal(trusting_, "localhost"), "");
}

TEST_F(ClientTlsTest, TrustsOneOfSeveralCas) {
  tls_ = tls_for();
  start();
  EXPECT_EQ(
      refusal({.ca_pem = make_authority("other", now())->certificate_pem + test_authority().certificate_pem}),
      "");
}

TEST_F(ClientTlsTest, TrustsNobodyElse) {
  tls_ = tls_for();
  start();
  EXPECT_EQ(refusal({.ca_pem = make_authority("test authority", now())->certificate_pem}),
            "certificate of ADDRESS is not signed by the CA that the kubeconfig names");
  EXPECT_EQ(
      refusal({.ca_pem = make_authority("other", now())->certificate_pem, .ca_source = "the flag --ca"}),
      "certificate of ADDRESS is not signed by the CA that the flag --ca names");
  EXPECT_EQ(refusal({}), "certificate of ADDRESS is not signed by a CA that this machine trusts");
  EXPECT_EQ(server_->counters().requests, 0U);
}

TEST_F(ClientTlsTest, DoesNotTakeACertificateForAnotherHost) {
  tls_ = tls_for({"api.example", "10.0.0.1"});
  start();
  EXPECT_EQ(refusal(trusting_), "certificate of ADDRESS is for api.example, 10.0.0.1, not for 127.0.0.1");
  EXPECT_EQ(refusal(trusting_, "localhost"),
            "certificate of ADDRESS is for api.example, 10.0.0.1, not for localhost");
}

TEST_F(ClientTlsTest, DoesNotTakeACertificateThatHasExpired) {
  const WallTime then = now() - 48h;
  start_as_issued_at(then);
  const WallTime end = std::chrono::floor<std::chrono::seconds>(then + 24h);
  EXPECT_EQ(refusal({.ca_pem = test_authority().certificate_pem}),
            "certificate of ADDRESS expired on " + base::rfc3339(end));
}

TEST_F(ClientTlsTest, DoesNotTakeACertificateThatIsNotValidYet) {
  start_as_issued_at(now() + 24h);
  EXPECT_NE(refusal(trusting_).find("is the clock of this machine right?"), std::string::npos);
}

TEST_F(ClientTlsTest, HoldsAServerToTheNameThatItIsGiven) {
  tls_ = tls_for({"kubernetes.default"});
  start();
  ClientOptions options = trusting_;
  options.server_name = "kubernetes.default";
  EXPECT_EQ(refusal(options), "");
  options.server_name = "other.example";
  EXPECT_EQ(refusal(options), "certificate of ADDRESS is for kubernetes.default, not for other.example");
}

TEST_F(ClientTlsTest, ShowsItsCertificateToAServerThatAsks) {
  tls_ = tls_for();
  std::string shown;  // by the client, in PEM form
  SSL_CTX_set_verify(&tls_->context(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(
      &tls_->context(),
      [](X509_STORE_CTX* verifying, void* into) {
        *static_cast<std::string*>(into) = internal::to_pem(*X509_STORE_CTX_get0_cert(verifying));
        return 1;
      },
      &shown);
  start();
  const std::vector<std::string> names{"somebody"};
  ClientOptions options = trusting_;
  options.identity = *issue_certificate(test_authority(), names, now(), 1h);
  EXPECT_EQ(refusal(options), "");
  EXPECT_EQ(shown, options.identity.certificate_pem);
  EXPECT_FALSE(hello(trusting_)) << "the server wants one";
}

TEST_F(ClientTlsTest, SaysWhatIsWrongWithItsOwnCertificate) {
  tls_ = tls_for();
  start();
  const std::vector<std::string> names{"somebody"};
  ClientOptions options = trusting_;
  options.identity = *issue_certificate(test_authority(), names, now(), 1h);
  options.identity.private_key_pem = test_authority().private_key_pem;
  EXPECT_THAT(hello(options).error().message,
              ::testing::StartsWith("the client's private key does not belong to its certificate"));
  EXPECT_EQ(check_identity(options.identity, "the client's").error(), hello(options).error());
}

TEST_F(ClientTlsTest, NamesAServerThatSpeaksNoTls) {
  start();
  const auto response = hello(trusting_);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kInvalid);
  EXPECT_EQ(
      response.error().message,
      fmt::format("{} does not speak TLS; does its address begin with http://?", server_->address().str()));
}

TEST_F(ClientTlsTest, NamesACaThatIsNone) {
  tls_ = tls_for();
  start();
  EXPECT_EQ(hello({.ca_pem = "nothing"}).error().message,
            "the CA that the kubeconfig names is not a certificate in PEM form: no start line");
}

TEST_F(ClientTlsTest, GivesUpOnAServerThatSaysNothing) {
  const int listening = *listen_on(*parse_address("127.0.0.1:0"));
  Client client(*parse_url("https://" + bound_address(listening)->str()), {.timeout_ms = 50});
  EXPECT_EQ(client.ask({}).error().code, Code::kTimeout);
  ::close(listening);
}

}  // namespace
}  // namespace slipway::http
