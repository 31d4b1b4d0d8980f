#include "system/kube/contexts.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace slipway::kube {
namespace {

class ContextsTest : public testing::Test {
 protected:
  ContextsTest() { EXPECT_NE(::mkdtemp(folder_.data()), nullptr); }
  ~ContextsTest() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }

  std::string folder_ = "/tmp/slipway-contexts-XXXXXX";
};

TEST_F(ContextsTest, AreThoseOfAllFilesTheFirstOfANameWinning) {
  const std::string files[] = {
      file("a",
           "current-context: two\n"
           "contexts:\n- {name: one, context: {cluster: c, user: u, namespace: risk}}\n"
           "- {name: lost, context: {cluster: nowhere}}\n"),
      folder_ + "/not there",
      file("b",
           "current-context: one\n"
           "clusters:\n- {name: c, cluster: {server: 'https://10.0.0.1:6443'}}\n"
           "contexts:\n- {name: two, context: {cluster: c}}\n- {name: one, context: {cluster: other}}\n")};
  const auto contexts = list_contexts(files);
  ASSERT_TRUE(contexts) << contexts.error().message;
  EXPECT_EQ(*contexts,
            (std::vector<ContextSeen>{
                {.name = "one", .cluster = "c", .user = "u", .ns = "risk", .server = "https://10.0.0.1:6443"},
                {.name = "lost", .cluster = "nowhere"},
                {.name = "two", .cluster = "c", .server = "https://10.0.0.1:6443", .current = true}}));
}

TEST_F(ContextsTest, WithoutFilesThereIsNone) {
  const std::string files[] = {folder_ + "/not there"};
  EXPECT_TRUE(list_contexts(files)->empty());
}

TEST_F(ContextsTest, AFileThatIsNoneIsNamed) {
  const std::string files[] = {file("a", "- {")};
  const auto contexts = list_contexts(files);
  ASSERT_FALSE(contexts);
  EXPECT_NE(contexts.error().message.find("/a"), std::string::npos);
}

TEST_F(ContextsTest, WhatMakesNoSenseIsPassedOver) {
  const std::string files[] = {
      file("a", "contexts: [7, {name: [x]}, {name: a}, {name: b, context: 7}]\nclusters: 7\n")};
  const auto contexts = list_contexts(files);
  ASSERT_TRUE(contexts) << contexts.error().message;
  EXPECT_TRUE(contexts->empty());
}

}  // namespace
}  // namespace slipway::kube
