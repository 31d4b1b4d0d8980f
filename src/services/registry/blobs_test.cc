#include <gmock/gmock.h>

#include <fstream>
#include <thread>

#include "services/registry/internal/answers.h"
#include "services/registry/testing/registry_test.h"
#include "system/http/testing/raw_client.h"

namespace slipway::registry {
namespace {

using namespace std::chrono_literals;
using base::Method;
using http::testing::RawClient;

class RegistryBlobs : public testing::RegistryTest {
 protected:
  static std::string content(size_t size) {
    std::string out(size, '\0');
    for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 31 + i / 251);
    return out;
  }
  std::string blob(const Digest& digest) const { return "/v2/credit/blobs/" + digest.str(); }
  // What an upload holds, once its sender is known to have gone: when nothing more comes, and something has.
  uint64_t kept_at(const std::string& location) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    uint64_t kept = 0;
    for (int same = 0; same < 50 && std::chrono::steady_clock::now() < deadline;) {
      const std::string range(get(location).find("range"));
      const uint64_t now = parse_content_range(range)->last + 1;
      same = now > 1 && now == kept ? same + 1 : 0;
      kept = now;
    }
    return kept;
  }
};

TEST_F(RegistryBlobs, AreSentInOneRequest) {
  start();
  const Digest digest = base::sha256("weights");
  const auto put = ask(Method::kPost, "/v2/credit/blobs/uploads/?digest=" + digest.str(), "weights");
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.find("location"), blob(digest));
  EXPECT_EQ(put.find("docker-content-digest"), digest.str());
  EXPECT_EQ(get(blob(digest)).body, "weights");
  const auto empty = upload("");
  EXPECT_EQ(get(blob(empty)).status, 200);
}

TEST_F(RegistryBlobs, AreSentInChunksThatMustFollowEachOther) {
  start();
  const std::string where = begin();
  const auto first = ask(Method::kPatch, where, "0123456789", {{"content-range", "0-9"}});
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(first.find("range"), "0-9");
  EXPECT_EQ(first.find("location"), where);
  const auto gap = ask(Method::kPatch, where, "x", {{"content-range", "11-11"}});
  EXPECT_EQ(gap.status, 416);
  EXPECT_EQ(gap.find("range"), "0-9");
  EXPECT_EQ(ask(Method::kPatch, where, "0123456789", {{"content-range", "0-9"}}).status, 416) << "sent twice";
  EXPECT_EQ(ask(Method::kPatch, where, "x", {{"content-range", "nonsense"}}).status, 416);
  EXPECT_EQ(code_of(ask(Method::kPatch, where, "xyz", {{"content-range", "10-20"}})), "SIZE_INVALID");
  EXPECT_EQ(get(where).status, 204);
  EXPECT_EQ(get(where).find("range"), "0-9");
  const Digest digest = base::sha256("0123456789abc");
  EXPECT_EQ(ask(Method::kPut, where + "?digest=" + digest.str(), "abc", {{"content-range", "10-12"}}).status,
            201);
  EXPECT_EQ(get(blob(digest)).body, "0123456789abc");
  EXPECT_EQ(code_of(get(where)), "BLOB_UPLOAD_UNKNOWN");
}

TEST_F(RegistryBlobs, OfAnotherDigestAreRefusedAndGone) {
  start();
  const std::string where = begin(), other = base::sha256("other").str();
  EXPECT_EQ(code_of(ask(Method::kPut, where, "weights")), "DIGEST_INVALID");
  EXPECT_EQ(code_of(ask(Method::kPut, where + "?digest=sha512:x", "weights")), "DIGEST_INVALID");
  EXPECT_EQ(code_of(ask(Method::kPut, where + "?digest=" + other, "weights")), "DIGEST_INVALID");
  EXPECT_EQ(get(where).status, 404);
  EXPECT_EQ(code_of(ask(Method::kPost, "/v2/credit/blobs/uploads/?digest=" + other, "weights")),
            "DIGEST_INVALID");
  EXPECT_EQ(code_of(ask(Method::kPost, "/v2/credit/blobs/uploads/?digest=x", "weights")), "DIGEST_INVALID");
  EXPECT_EQ(code_of(get("/v2/credit/blobs/" + other)), "BLOB_UNKNOWN");
  EXPECT_EQ(code_of(get("/v2/credit/blobs/x")), "DIGEST_INVALID");
  EXPECT_TRUE(std::filesystem::is_empty(at("uploads")));
}

TEST_F(RegistryBlobs, GoOnWhereTheyBrokeOff) {
  start({}, {.piece_bytes = 10'000});
  const std::string whole = content(300'000), where = begin();
  {
    const RawClient sender(server_->address());
    sender.send(
        fmt::format("PATCH {} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", where, whole.size()));
    sender.send(std::string_view(whole).substr(0, 123'456));
  }
  EXPECT_GT(kept_at(where), 0u);
  start();  // and after a restart
  const uint64_t kept = kept_at(where);
  EXPECT_GT(kept, 0u);
  EXPECT_LE(kept, 123'456u);
  const Digest digest = base::sha256(whole);
  const auto rest = ask(Method::kPut, where + "?digest=" + digest.str(), std::string_view(whole).substr(kept),
                        {{"content-range", fmt::format("{}-{}", kept, whole.size() - 1)}});
  EXPECT_EQ(rest.status, 201);
  EXPECT_TRUE(get(blob(digest)).body == whole);
}

TEST_F(RegistryBlobs, OfManyPiecesComeAndGoWhole) {
  start({}, {.piece_bytes = 64 << 10});
  const std::string whole = content(5'000'000);
  const Digest digest = upload(whole);
  EXPECT_TRUE(get(blob(digest)).body == whole);
  const std::string where = begin();
  RawClient sender(server_->address());
  sender.send(fmt::format("PUT {}?digest={} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", where,
                          digest.str()));
  for (size_t at = 0; at < whole.size(); at += 70'000) {
    const std::string_view piece = std::string_view(whole).substr(at, 70'000);
    sender.send(fmt::format("{:x}\r\n", piece.size()));
    sender.send(piece);
    sender.send("\r\n");
  }
  sender.send("0\r\n\r\n");
  EXPECT_EQ(http::testing::status_of_answer(sender.answer()), 201);
}

TEST_F(RegistryBlobs, ArePulledInPartsByARange) {
  start();
  const std::string whole = content(400'000);
  const std::string where = blob(upload(whole));
  const auto head = ask(Method::kHead, where);
  EXPECT_EQ(head.find("content-length"), "400000");
  EXPECT_EQ(head.find("accept-ranges"), "bytes");
  const auto part = get(where, {{"range", "bytes=1000-300999"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.find("content-range"), "bytes 1000-300999/400000");
  EXPECT_TRUE(part.body == whole.substr(1000, 300'000));
  EXPECT_EQ(get(where, {{"range", "bytes=-5"}}).body, whole.substr(399'995));
  EXPECT_EQ(get(where, {{"range", "bytes=0-1,5-6"}}).status, 200);
  const auto past = get(where, {{"range", "bytes=400000-"}});
  EXPECT_EQ(past.status, 416);
  EXPECT_EQ(past.find("content-range"), "bytes */400000");
}

TEST_F(RegistryBlobs, AreMountedFromAnotherRepositoryOrBegun) {
  start();
  const Digest digest = upload("weights");
  const std::string from = "&from=credit";
  const auto mounted = ask(Method::kPost, "/v2/other/blobs/uploads/?mount=" + digest.str() + from);
  EXPECT_EQ(mounted.status, 201);
  EXPECT_EQ(mounted.find("location"), "/v2/other/blobs/" + digest.str());
  const auto begun = ask(Method::kPost, "/v2/other/blobs/uploads/?mount=" + base::sha256("x").str() + from);
  EXPECT_EQ(begun.status, 202);
  EXPECT_EQ(ask(Method::kDelete, std::string(begun.find("location"))).status, 204);
  EXPECT_EQ(ask(Method::kDelete, std::string(begun.find("location"))).status, 404);
}

TEST_F(RegistryBlobs, AreBoundedInNumberAndSize) {
  start({.blob_bytes = 10, .open_uploads = 2});
  const std::string where = begin();
  begin();
  const auto full = ask(Method::kPost, "/v2/credit/blobs/uploads/");
  EXPECT_EQ(full.status, 503);
  EXPECT_EQ(full.find("retry-after"), "1");
  EXPECT_EQ(ask(Method::kPatch, where, "12345678901").status, 413);
  EXPECT_EQ(get(where).find("range"), "0-0");
}

TEST_F(RegistryBlobs, TwoSendersOfOneUploadDoNotMix) {
  start({}, {.piece_bytes = 1'000});
  const std::string one(50'000, '1'), two(50'000, '2');
  const std::string where = begin();
  std::thread other([&] {
    http::Client client(*http::parse_url("http://" + server_->address().str()));
    static_cast<void>(client.ask({.method = Method::kPatch, .target = where, .body = two}));
  });
  ask(Method::kPatch, where, one);
  other.join();
  const auto path = at("uploads/" + where.substr(where.rfind('/') + 1));
  std::ifstream in(path, std::ios::binary);
  const std::string stored(std::istreambuf_iterator<char>(in), {});
  // Each piece came from one sender, and what is told is what is there.
  EXPECT_EQ(get(where).find("range"), fmt::format("0-{}", stored.size() - 1));
  EXPECT_EQ(ask(Method::kPut, where + "?digest=" + base::sha256(stored).str()).status, 201);
}

}  // namespace
}  // namespace slipway::registry
