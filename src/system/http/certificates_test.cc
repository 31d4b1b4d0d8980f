#include "system/http/certificates.h"

#include <gtest/gtest.h>
#include <openssl/x509v3.h>

#include <set>

#include "system/http/internal/openssl.h"

namespace slipway::http {
namespace {

using namespace std::chrono_literals;

const WallTime kNow{std::chrono::sys_days(std::chrono::year(2026) / 11 / 25)};
constexpr Duration kYear = std::chrono::days(365);

std::vector<std::string> usual_names() { return {"localhost", "127.0.0.1", "::1", "*.slipway.example"}; }

class CertificatesTest : public testing::Test {
 protected:
  Result<TlsIdentity> issue(std::vector<std::string> names, Duration valid_for = kYear,
                            WallTime now = kNow) const {
    return issue_certificate(authority_, names, now, valid_for);
  }

  Authority authority_ = *make_authority("slipway", kNow);
};

// What a strict client finds, "" for nothing wrong.
std::string verify(const std::string& certificate_pem, const std::string& authority_pem, WallTime now) {
  const auto leaf = internal::read_certificates(certificate_pem, "leaf");
  const auto root = internal::read_certificates(authority_pem, "root");
  const internal::Owned<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), root->front().get());
  const internal::Owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf->front().get(), nullptr);
  X509_STORE_CTX_set_default(context.get(), "ssl_server");
  X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_X509_STRICT);
  X509_STORE_CTX_set_time(
      context.get(), 0, std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(now)));
  if (X509_verify_cert(context.get()) == 1) return "";
  return X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
}

TEST_F(CertificatesTest, SatisfyAStrictClient) {
  const auto identity = issue(usual_names());
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(verify(identity->certificate_pem, authority_.certificate_pem, kNow), "");
  EXPECT_EQ(verify(identity->certificate_pem, authority_.certificate_pem, kNow - 4min), "");
  EXPECT_EQ(verify(identity->certificate_pem, authority_.certificate_pem, kNow + kYear + 1s),
            "certificate has expired");
  EXPECT_NE(verify(identity->certificate_pem, make_authority("slipway", kNow)->certificate_pem, kNow), "");
  EXPECT_TRUE(TlsServer::make(*identity));
}

TEST_F(CertificatesTest, LastAsLongAsAskedButNotLongerThanTheAuthority) {
  EXPECT_EQ(*expires(authority_.certificate_pem), kNow + std::chrono::days(3652));
  EXPECT_EQ(*expires(issue({"localhost"}, 24h)->certificate_pem), kNow + 24h);
  EXPECT_EQ(*expires(issue({"localhost"}, kYear, kNow + 9 * kYear + 300 * 24h)->certificate_pem),
            kNow + std::chrono::days(3652));
  const auto late = issue({"localhost"}, 24h, kNow + 11 * kYear);
  EXPECT_EQ(late.error().message, "the authority ended on 2036-11-24T00:00:00.000Z; make a new one");
}

TEST_F(CertificatesTest, AreCheckedAgainstAuthorityAndNames) {
  const std::string certificate = issue(usual_names())->certificate_pem;
  const auto check = [&](std::vector<std::string> names) {
    const Status checked = check_certificate(certificate, authority_.certificate_pem, names);
    return checked ? std::string() : checked.error().message;
  };
  EXPECT_EQ(check({"localhost", "127.0.0.1", "::1", "0:0:0:0:0:0:0:1", "a.slipway.example"}), "");
  EXPECT_EQ(check({"localhost", "10.0.0.1"}),
            "the certificate is for localhost, 127.0.0.1, ::1, *.slipway.example, not for 10.0.0.1");
  EXPECT_NE(check({"slipway.example"}), "");
  const Authority other = *make_authority("slipway", kNow);
  EXPECT_EQ(check_certificate(certificate, other.certificate_pem, {}).error().message,
            "the certificate was not issued by this authority");
  EXPECT_FALSE(check_certificate(certificate, certificate, {}));
}

TEST_F(CertificatesTest, AreRefusedForWhatIsNoName) {
  for (const char* name : {"", "a b", "a,DNS:b", "..", ".a", "a.", "http://a", "127.0.0.1:80", "*"})
    EXPECT_EQ(issue({name}).error().code, Code::kInvalid) << name;
  EXPECT_EQ(issue({}).error().code, Code::kInvalid);
  EXPECT_EQ(issue(std::vector<std::string>(101, "a")).error().code, Code::kInvalid);
  EXPECT_EQ(issue({"a"}, 399 * 24h).error().code, Code::kInvalid);
  EXPECT_EQ(issue({"a"}, 0s).error().code, Code::kInvalid);
  EXPECT_FALSE(make_authority("", kNow));
}

TEST_F(CertificatesTest, TakeANameThatIsTooLongForASubject) {
  const std::string name = std::string(60, 'a') + "." + std::string(60, 'b');
  const auto identity = issue({name});
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(verify(identity->certificate_pem, authority_.certificate_pem, kNow), "");
  EXPECT_TRUE(check_certificate(identity->certificate_pem, authority_.certificate_pem, {{name}}));
}

TEST_F(CertificatesTest, HaveSerialNumbersThatDoNotRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 20; ++i) {
    const auto read = internal::read_certificates(issue({"a"})->certificate_pem, "it");
    const ASN1_INTEGER* serial = X509_get0_serialNumber(read->front().get());
    EXPECT_GE(ASN1_STRING_length(serial), 14);
    seen.emplace(reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
                 static_cast<size_t>(ASN1_STRING_length(serial)));
  }
  EXPECT_EQ(seen.size(), 20U);
}

TEST_F(CertificatesTest, SayWhatIsWrongWithTheirText) {
  EXPECT_EQ(expires("nothing").error().message,
            "the certificate is not a certificate in PEM form: no start line");
  std::string cut = authority_.certificate_pem;
  cut.erase(100, 4);
  EXPECT_EQ(expires(cut).error().code, Code::kInvalid);
  EXPECT_EQ(expires(std::string(2 << 20, '\n')).error().code, Code::kTooLarge);
  const TlsIdentity mixed{issue({"a"})->certificate_pem, issue({"a"})->private_key_pem};
  EXPECT_TRUE(TlsServer::make(mixed).error().message.starts_with(
      "the server's private key does not belong to its certificate"));
  EXPECT_EQ(TlsServer::make({mixed.certificate_pem, "?"}).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace slipway::http
