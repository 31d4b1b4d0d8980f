#include "adapters/remote/internal/translate.h"

#include <gtest/gtest.h>

namespace slipway::remote {
namespace {

TEST(Translate, ErrorsHaveThePortsCodes) {
  struct Row {
    const char* why;
    int status;
    const char* reason;
    Code code, becomes;
  };
  for (const Row& row : {Row{"no object of that name", 404, "NotFound", Code::kNotFound, Code::kNotFound},
                         Row{"the name is taken", 409, "AlreadyExists", Code::kConflict, Code::kConflict},
                         Row{"overtaken", 409, "Conflict", Code::kConflict, Code::kConflict},
                         Row{"no longer kept", 410, "Expired", Code::kConflict, Code::kNotFound},
                         Row{"no longer kept, in a watch", 200, "Expired", Code::kConflict, Code::kNotFound},
                         Row{"no token", 401, "Unauthorized", Code::kDenied, Code::kDenied},
                         Row{"the schema does not fit", 422, "Invalid", Code::kInvalid, Code::kInvalid},
                         Row{"too busy", 429, "TooManyRequests", Code::kUnavailable, Code::kUnavailable}}) {
    const kube::ApiError error{.error = {row.code, row.why}, .status = row.status, .reason = row.reason};
    EXPECT_EQ(to_error(error).code, row.becomes) << row.why;
    EXPECT_EQ(to_error(error).message, row.why);
  }
}

TEST(Translate, AVersionOfTheFutureIsToldFromOtherTimeouts) {
  kube::ApiError error{.error = {Code::kTimeout, "Timeout"}, .status = 504};
  EXPECT_FALSE(is_too_new(error));
  error.causes = {{"ResourceVersionTooLarge", "", "Too large resource version"}};
  EXPECT_TRUE(is_too_new(error));
}

TEST(Translate, AFieldManagerIsShortAndPrintable) {
  EXPECT_EQ(manager_of({.actor = {}, .reason = "RolloutStep", .request_id = ""}), "RolloutStep");
  EXPECT_EQ(manager_of({.actor = {}, .reason = "", .request_id = ""}), "slipway");
  EXPECT_EQ(manager_of({.actor = {}, .reason = "two words\n", .request_id = ""}), "two-words-");
  EXPECT_EQ(manager_of({.actor = {}, .reason = std::string(500, 'x'), .request_id = ""}).size(), 128u);
}

TEST(Translate, WhatTheServerGivesIsNotSent) {
  store::Object object{.key = {store::Kind::kModelDeployment, "default", "a"}, .meta = {}};
  object.meta = {.uid = "u", .resource_version = 9, .generation = 4, .created = "2026-01-01T00:00:00Z"};
  const std::string body = body_of(object, {.uid = "", .resource_version = 7});
  EXPECT_EQ(body, R"({"apiVersion":"slipway.dev/v1alpha1","kind":"ModelDeployment",)"
                  R"("metadata":{"name":"a","namespace":"default","resourceVersion":"7"}})");
}

TEST(Translate, ADocumentThatIsNoObjectIsRefused) {
  EXPECT_EQ(to_object(store::Kind::kEvent, "[1").error().code, Code::kInvalid);
  EXPECT_EQ(to_object(store::Kind::kEvent, R"({"metadata":[]})").error().code, Code::kInvalid);
  EXPECT_EQ(to_version("7x").error().code, Code::kInvalid);
  EXPECT_EQ(to_version("").error().code, Code::kInvalid);
  EXPECT_EQ(*to_version("18446744073709551615"), 18446744073709551615u);
}

}  // namespace
}  // namespace slipway::remote
