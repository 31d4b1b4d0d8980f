#include "system/kube/kubeconfig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "system/http/certificates.h"
#include "system/kube/internal/base64.h"
#include "system/kube/yaml.h"
#include "system/os/files.h"
#include "system/runtime/clock.h"

namespace slipway::kube {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class KubeconfigTest : public ::testing::Test {
 protected:
  KubeconfigTest() {
    std::string name = (fs::temp_directory_path() / "slipway-kube-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~KubeconfigTest() override { fs::remove_all(folder_); }

  std::string at(const std::string& name) const { return (folder_ / name).string(); }
  std::string write(const std::string& name, std::string_view text, fs::perms mode = fs::perms(0600)) const {
    std::ofstream(at(name), std::ios::binary) << text;
    fs::permissions(at(name), mode);
    return at(name);
  }
  // A file of one context, with these fields of its cluster and its user.
  std::string one(std::string_view cluster, std::string_view user) const {
    return write("one", fmt::format("contexts:\n- name: x\n  context: {{cluster: c, user: u}}\n"
                                    "clusters:\n- name: c\n  cluster: {{{}}}\n"
                                    "users:\n- name: u\n  user: {{{}}}\ncurrent-context: x\n",
                                    cluster, user));
  }
  std::string refusal(const std::string& file, std::string_view context = "") const {
    const auto loaded = load_access(std::vector{file}, context);
    return loaded ? "loaded" : loaded.error().message;
  }

  fs::path folder_;
};

constexpr std::string_view kFull = R"(apiVersion: v1
kind: Config
preferences: {}
current-context: work
contexts:
- name: home
  context: {cluster: home, user: me}
- name: work
  context: {cluster: work, user: me, namespace: models}
clusters:
- name: home
  cluster: {server: "http://127.0.0.1:8001"}
- name: work
  cluster: {server: "https://10.0.0.1:6443/prefix", certificate-authority-data: aGVsbG8=}
users:
- name: me
  user: {token: secret}
)";

TEST_F(KubeconfigTest, LeadsFromTheCurrentContextToServerAndToken) {
  const auto loaded = load_access(std::vector{write("config", kFull)}, "");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->access, (Access{.context = "work",
                                    .server = "https://10.0.0.1:6443/prefix",
                                    .ca_pem = "hello",
                                    .token = "secret",
                                    .ns = "models"}));
  EXPECT_THAT(loaded->warnings, IsEmpty());
}

TEST_F(KubeconfigTest, SendsNoTokenWithoutEncryption) {
  const auto file = write("config", kFull);
  const auto loaded = load_access(std::vector{file}, "home");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->access, (Access{.context = "home", .server = "http://127.0.0.1:8001"}));
  EXPECT_THAT(loaded->warnings, ElementsAre(file + ": user 'me': its token is not sent, because "
                                                   "http://127.0.0.1:8001 is not encrypted"));
}

TEST_F(KubeconfigTest, WarnsWhenOthersCanReadTheToken) {
  const auto file = write("config", kFull, fs::perms(0644));
  const auto loaded = load_access(std::vector{file}, "");
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->warnings,
              ElementsAre(file +
                          " holds a secret and can be read by others (mode 0644). Next step: "
                          "chmod 600 " +
                          file));
}

TEST_F(KubeconfigTest, FindsPathsBesideTheFile) {
  write("ca.crt", "pem");
  fs::create_directory(at("t"));
  write("t/token", "secret");
  const auto file = one("server: 'https://h', certificate-authority: ca.crt", "token: a, tokenFile: t/token");
  const auto loaded = load_access(std::vector{file}, "");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->access.ca_file, at("ca.crt"));
  EXPECT_EQ(loaded->access.token_file, at("t/token"));
}

http::TlsIdentity somebody() {
  const auto now = runtime::RealClock().wall();
  const std::vector<std::string> names{"somebody"};
  return *http::issue_certificate(*http::make_authority("clients", now), names, now, std::chrono::hours(1));
}

TEST_F(KubeconfigTest, TakesClientCertificatesFromItselfOrFromFiles) {
  const auto me = somebody();
  const auto inside =
      load_access(std::vector{one("server: 'https://h', tls-server-name: api.example",
                                  fmt::format("client-certificate-data: {}, client-key-data: {}",
                                              internal::base64_encode(me.certificate_pem),
                                              internal::base64_encode(me.private_key_pem)))},
                  "");
  ASSERT_TRUE(inside) << inside.error().message;
  EXPECT_EQ(inside->access.certificate_pem, me.certificate_pem);
  EXPECT_EQ(inside->access.key_pem, me.private_key_pem);
  EXPECT_EQ(inside->access.server_name, "api.example");
  write("me.crt", me.certificate_pem);
  write("me.key", me.private_key_pem);
  const auto beside = load_access(
      std::vector{one("server: 'https://h'", "client-certificate: me.crt, client-key: me.key")}, "");
  ASSERT_TRUE(beside) << beside.error().message;
  EXPECT_EQ(beside->access.certificate_file, at("me.crt"));
  EXPECT_EQ(beside->access.key_file, at("me.key"));
}

TEST_F(KubeconfigTest, KeepsAClientCertificateFromAServerWithoutEncryption) {
  const auto me = somebody();
  write("me.crt", me.certificate_pem);
  write("me.key", me.private_key_pem);
  const auto loaded = load_access(
      std::vector{one("server: 'http://h'", "client-certificate: me.crt, client-key: me.key")}, "");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->access, (Access{.context = "x", .server = "http://h"}));
  EXPECT_THAT(loaded->warnings, ElementsAre(HasSubstr("not encrypted")));
}

TEST_F(KubeconfigTest, TakesEachNameFromTheFirstFileThatHasIt) {
  const auto first = write("first", "users:\n- {name: me, user: {token: other}}\ncurrent-context: ''\n");
  const auto loaded = load_access(std::vector{at("absent"), first, write("config", kFull)}, "");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->access.token, "other");
  EXPECT_EQ(loaded->access.context, "work");
}

TEST_F(KubeconfigTest, SaysWhatIsMissing) {
  EXPECT_EQ(refusal(at("a")),
            "no kubeconfig: " + at("a") + " is not there. Next step: --kubeconfig FILE, or set KUBECONFIG");
  const auto file = write("config", kFull);
  EXPECT_EQ(refusal(file, "moon"), file + ": no context is named 'moon'; there is: home, work");
  EXPECT_EQ(refusal(write("empty", "")),
            at("empty") + ": no current context. Next step: --context with one of: (there is none)");
  EXPECT_EQ(refusal(write("b", "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n")),
            at("b") + ": no cluster is named 'c'; there is: (there is none)");
}

TEST_F(KubeconfigTest, RefusesWhatItDoesNotDoInWordsThatHelp) {
  const std::vector<std::array<std::string, 3>> rows = {
      {"server: 'https://h', insecure-skip-tls-verify: true", "",
       "insecure-skip-tls-verify would trust anybody"},
      {"server: 'https://h', proxy-url: 'http://p'", "", "cluster 'c': proxy-url is not supported"},
      {"server: 'h:6443'", "", "server 'h:6443' must begin with https:// or http://"},
      {"server: 'https://h', certificate-authority-data: 'a*='", "",
       "certificate-authority-data is not base64"},
      {"server: 'https://h', certificate-authority: gone.crt", "", "gone.crt: cannot open: No such file"},
      {"server: 'https://h'", "exec: {command: aws}",
       "user 'u': has 'exec': a program that makes tokens is not run"},
      {"server: 'https://h'", "client-certificate-data: abcd",
       "has a client-certificate without a client-key; both are needed"},
      {"server: 'https://h'", "client-certificate-data: aGVsbG8=, client-key-data: aGVsbG8=",
       "context 'x': the client's certificate is not a certificate in PEM form"},
      {"server: 'https://h'", "client-certificate: gone.crt, client-key: gone.key",
       "reading the client certificate: "},
      {"server: 'https://h'", "username: a, password: b", "passwords are not supported"},
      {"server: 'https://h'", "as: b, token: c", "acting as somebody else"},
      {"server: 'https://h'", "token: 12345", "user 'u': token must be text; quote it"},
  };
  for (const auto& [cluster, user, why] : rows) EXPECT_THAT(refusal(one(cluster, user)), HasSubstr(why));
}

TEST_F(KubeconfigTest, RefusesFilesThatAreSomethingElse) {
  EXPECT_EQ(refusal(write("a", "kind: Pod\n")), at("a") + ": is a Pod, not a kubeconfig (kind: Config)");
  EXPECT_EQ(refusal(write("a", "- 1\n")), at("a") + ": is not a kubeconfig (no mapping)");
  EXPECT_EQ(refusal(write("a", "a: 1\n---\nb: 1\n")), at("a") + ": holds 2 documents; a kubeconfig is one");
  EXPECT_EQ(refusal(write("a", "a: [\n")),
            at("a") + ":2:1: did not find expected node content (while parsing a flow node)");
  EXPECT_EQ(refusal(write("a", "current-context: x\ncontexts: 7\n")), at("a") + ": contexts must be a list");
  EXPECT_EQ(refusal(write("a", "current-context: x\ncontexts: [7]\n")),
            at("a") + ": contexts: each entry must be a mapping");
  EXPECT_EQ(refusal(write("a", "current-context: x\ncontexts: [{name: x}]\n")),
            at("a") + ": contexts 'x': has no mapping 'context'");
}

TEST(KubeconfigFiles, ComeFromTheVariableOrFromHome) {
  EXPECT_THAT(kubeconfig_files("", "/home/a"), ElementsAre("/home/a/.kube/config"));
  EXPECT_THAT(kubeconfig_files(":", "/home/a"), ElementsAre("/home/a/.kube/config"));
  EXPECT_THAT(kubeconfig_files("/a::/b:/a", "/home/a"), ElementsAre("/a", "/b"));
}

TEST_F(KubeconfigTest, ReadsWhatAPodIsGiven) {
  write("ca.crt", "pem");
  write("token", "t");
  write("namespace", "models");
  const auto access = pod_access("fd00::1", "443", folder_.string());
  ASSERT_TRUE(access);
  EXPECT_EQ(*access, (Access{.context = "pod",
                             .server = "https://[fd00::1]:443",
                             .ca_file = at("ca.crt"),
                             .token_file = at("token"),
                             .ns = "models"}));
  EXPECT_EQ(pod_access("", "443", folder_.string()).error().code, Code::kNotFound);
}

const Access kOurs{
    .context = "slipway", .server = "https://127.0.0.1:8090", .ca_pem = "pem\n", .token = "t0"};

TEST_F(KubeconfigTest, WritesWhatItReadsBack) {
  const auto text = write_kubeconfig(kOurs);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, R"(apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: cGVtCg==
    server: https://127.0.0.1:8090
  name: slipway
contexts:
- context:
    cluster: slipway
    namespace: default
    user: slipway
  name: slipway
current-context: slipway
kind: Config
users:
- name: slipway
  user:
    token: t0
)");
  ASSERT_TRUE(save_kubeconfig(at("new/folder/config"), *text));
  struct stat facts{};
  ASSERT_EQ(::stat(at("new/folder/config").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0600U);
  const auto loaded = load_access(std::vector{at("new/folder/config")}, "");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->access, kOurs);
}

TEST_F(KubeconfigTest, WritesCertificatesAndFilesToo) {
  const auto me = somebody();
  Access access = kOurs;
  access.ca_pem.clear();
  access.ca_file = write("ca.crt", "pem");
  access.token.clear();
  access.certificate_pem = me.certificate_pem;
  access.key_pem = me.private_key_pem;
  access.server_name = "api.example";
  const auto loaded = load_access(std::vector{write("config", *write_kubeconfig(access))}, "");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->access, access);
}

TEST_F(KubeconfigTest, MergesWithoutLosingWhatIsThere) {
  const auto once = merge_kubeconfig(kFull, "config", kOurs);
  ASSERT_TRUE(once) << once.error().message;
  const auto file = write("config", *once);
  EXPECT_EQ(load_access(std::vector{file}, "")->access.context, "work");
  EXPECT_EQ(load_access(std::vector{file}, "slipway")->access, kOurs);
  EXPECT_EQ(load_access(std::vector{file}, "work")->access.ca_pem, "hello");
  EXPECT_THAT(*once, HasSubstr("preferences: {}\n"));

  Access renewed = kOurs;
  renewed.token = "t1";
  const auto twice = merge_kubeconfig(*once, "config", renewed);
  ASSERT_TRUE(twice);
  EXPECT_EQ(load_access(std::vector{write("config", *twice)}, "slipway")->access, renewed);
  EXPECT_EQ(twice->size(), once->size());
}

TEST_F(KubeconfigTest, KeepsWhatItCannotReadAsItIs) {
  EXPECT_EQ(merge_kubeconfig("a: &x 1\n", "config", kOurs).error().message,
            "config:1:4: anchors (&x) are not read; write the value out where it is needed");
  EXPECT_EQ(merge_kubeconfig("users: 7\n", "config", kOurs).error().message, "config: users must be a list");
}

TEST_F(KubeconfigTest, ReplacesTheTargetOfASymbolicLink) {
  write("target", "old");
  fs::create_symlink("target", at("config"));
  ASSERT_TRUE(save_kubeconfig(at("config"), "new"));
  EXPECT_TRUE(fs::is_symlink(at("config")));
  EXPECT_EQ(*os::read_file(at("target"), 100), "new");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 2);
}

TEST_F(KubeconfigTest, LeavesNothingBehindWhenItCannotSave) {
  fs::create_directory(at("config"));
  const auto saved = save_kubeconfig(at("config"), "new");
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().message, HasSubstr(at("config") + ": cannot replace: "));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST(Base64, IsReadAndWritten) {
  for (const auto& [bytes, text] : std::vector<std::pair<std::string, std::string>>{
           {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"\xff\xfe\x00\x01", "//4="}}) {
    EXPECT_EQ(internal::base64_encode(bytes), text);
    EXPECT_EQ(internal::base64_decode(text), bytes);
  }
  EXPECT_EQ(internal::base64_decode("Zm9v\nYmFy\n"), "foobar");
  for (const auto* wrong : {"Zg=", "Z", "Zg==Zg==", "Z===", "Zm9v*", "Zg=a"})
    EXPECT_EQ(internal::base64_decode(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace slipway::kube
