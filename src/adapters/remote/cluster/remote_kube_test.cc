// The store's contract on a real API server: that of the kubeconfig in SLIPWAY_TEST_KUBECONFIG. Installs our
// definitions there and makes namespaces of its own, which it deletes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "adapters/remote/remote.h"
#include "ports/store/testing/store_contract.h"
#include "system/kube/client.h"
#include "system/kube/yaml.h"
#include "system/os/files.h"

namespace slipway::remote {
namespace {

using namespace std::chrono_literals;
using store::Kind;
using store::StoreContract;
using store::StoreFactory;
using store::StoreUnderTest;

const kube::Resource kDefinitions{"apiextensions.k8s.io", "v1", "customresourcedefinitions",
                                  kube::Scope::kCluster};
const kube::Resource kNamespaces{"", "v1", "namespaces", kube::Scope::kCluster};
const runtime::RealClock kClock;

// What the tests are run on; nothing where no server is named.
const kube::Access* server() {
  static const std::optional<kube::Access> access = []() -> std::optional<kube::Access> {
    const char* file = std::getenv("SLIPWAY_TEST_KUBECONFIG");
    if (file == nullptr || *file == '\0') return std::nullopt;
    auto loaded = kube::load_access(std::vector<std::string>{file}, "");
    if (!loaded) ADD_FAILURE() << loaded.error().message;
    return loaded ? std::optional(loaded->access) : std::nullopt;
  }();
  return access ? &*access : nullptr;
}

void install_definitions(kube::Client& client) {
  for (const auto& file : std::filesystem::directory_iterator(SLIPWAY_DEFINITIONS)) {
    if (file.path().extension() != ".yaml") continue;
    const auto text = os::read_file(file.path(), 1 << 20);
    ASSERT_TRUE(text) << text.error().message;
    const auto documents = kube::yaml_to_json(*text, file.path().string());
    ASSERT_TRUE(documents) << documents.error().message;
    for (const auto& document : *documents) {
      const auto object = kube::read_object(document.json);
      ASSERT_TRUE(object);
      const auto applied =
          client.patch({kDefinitions, "", object->name}, {kube::PatchKind::kApplyForced, document.json});
      ASSERT_TRUE(applied) << applied.error().error.message;
    }
  }
}

// The server serves a new kind a moment after its definition is there.
void await_kind(kube::Client& client, const kube::Resource& resource) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!client.list({.resource = resource})) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << resource.str() << " is not served";
    std::this_thread::sleep_for(100ms);
  }
}

void prepare_once(kube::Client& client) {
  static const bool prepared = [&] {
    install_definitions(client);
    await_kind(client, {"slipway.dev", "v1alpha1", "modeldeployments"});
    await_kind(client, {"slipway.dev", "v1alpha1", "modelversions"});
    return true;
  }();
  EXPECT_TRUE(prepared);
}

// A namespace of its own, until it goes.
class Namespace {
 public:
  explicit Namespace(const kube::Access& access) : client_(access) {
    prepare_once(client_);
    const auto made = client_.create(
        kNamespaces, "",
        R"({"apiVersion":"v1","kind":"Namespace","metadata":{"generateName":"slipway-contract-"}})");
    EXPECT_TRUE(made) << made.error().error.message;
    if (made) name_ = made->name;
  }
  ~Namespace() {
    if (!name_.empty()) static_cast<void>(client_.remove({kNamespaces, "", name_}));
  }
  Namespace(const Namespace&) = delete;
  Namespace& operator=(const Namespace&) = delete;

  const std::string& name() const { return name_; }

 private:
  kube::Client client_;
  std::string name_;
};

StoreUnderTest on_the_server() {
  if (server() == nullptr) return {};
  auto place = std::make_shared<Namespace>(*server());
  return {.world = place,
          .store = std::make_unique<Remote>(*server(), kClock, Options{.field_manager = "slipway"}),
          .space = place->name()};
}

INSTANTIATE_TEST_SUITE_P(OnAnApiServer, StoreContract,
                         testing::Values(StoreFactory{
                             .name = "Remote",
                             .make = on_the_server,
                             .future = StoreFactory::Future::kAwaited,
                             .absent = "no API server to test on. Next step: set SLIPWAY_TEST_KUBECONFIG to "
                                       "the kubeconfig of one, where definitions may be installed"}),
                         [](const auto& factory) { return factory.param.name; });

}  // namespace
}  // namespace slipway::remote
