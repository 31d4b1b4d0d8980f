// Manifests and blobs from a registry. What is held against a digest here is the only thing that is kInvalid.
#include <algorithm>

#include "system/oci/internal/transfer.h"

namespace slipway::oci {
namespace {

using internal::is_worth_another_try;
using internal::refused;

constexpr size_t kPiece = 128 << 10;
constexpr uint64_t kProgress = 1 << 20;  // bytes after which a break counts as the first again

// Whatever else is wrong with an answer, it is no content that we could judge.
Error not_judged(Error error) {
  if (error.code == Code::kInvalid) error.code = Code::kUnsupported;
  return error;
}

Status check_first(const http::Response& response, uint64_t have, std::string_view doing) {
  if (response.status != 200 && response.status != 206) return fail(not_judged(refused(response, doing)));
  const std::string_view range = response.find("content-range");
  if (response.status == 206 && !range.starts_with(fmt::format("bytes {}-", have)))
    return fail(Code::kUnavailable, "{}: the registry sent another range than was asked for", doing);
  return ok();
}

}  // namespace

Result<RegistryClient::Pulled> RegistryClient::pull_manifest(const std::string& repository,
                                                             const Reference& reference) {
  const std::string doing = fmt::format("fetching the manifest {} of {}", reference.str(), repository);
  const http::Request request{.target = fmt::format("/v2/{}/manifests/{}", repository, reference.str()),
                              .headers = {{"accept", std::string(kManifestType)}}};
  for (int attempt = 0;; ++attempt) {
    auto response = transfer_->ask(request, 200, doing);
    if (!response) {
      const Error error = not_judged(response.error());
      if (!is_worth_another_try(error) || attempt + 1 >= transfer_->options.attempts) return fail(error);
      transfer_->pause(attempt);
      continue;
    }
    if (response->body.size() > kManifestBytes)
      return fail(Code::kTooLarge, "the manifest of {} is larger than {} bytes", repository, kManifestBytes);
    const Digest digest = base::sha256(response->body);
    if (reference.tag.empty() && digest != reference.digest)
      return fail(Code::kInvalid, "the registry gave {} when it was asked for {}", digest.str(),
                  reference.digest.str());
    return Pulled{.text = std::move(response->body), .digest = digest};
  }
}

Status RegistryClient::Transfer::pull_once(const std::string& target, const Content& content, uint64_t& have,
                                           const Take& take) {
  const std::string doing = "fetching " + content.digest.str();
  http::Request request{.target = target};
  if (have > 0) request.headers.emplace_back("range", fmt::format("bytes={}-", have));
  auto response = session.begin(request);
  if (!response) return fail(not_judged(within(doing, response.error())));
  if (Status first = check_first(*response, have, doing); !first) return first;
  uint64_t skip = response->status == 200 ? have : 0;  // it does not know ranges, and begins anew
  std::string piece(kPiece, '\0');
  while (true) {
    const auto got = session.read(piece);
    if (!got) return fail(not_judged(within(doing, got.error())));
    if (*got == 0) break;
    std::string_view bytes(piece.data(), *got);
    const size_t passed = std::min<uint64_t>(skip, bytes.size());
    skip -= passed;
    bytes.remove_prefix(passed);
    if (bytes.size() > content.size - have)
      return fail(Code::kInvalid, "{}: more came than the {} bytes that its manifest says", doing,
                  content.size);
    if (bytes.empty()) continue;
    if (Status taken = take(bytes); !taken) return fail(not_judged(taken.error()));
    have += bytes.size();
    moved(bytes.size());
  }
  if (have < content.size)
    return fail(Code::kInvalid, "{}: it ended after {} of {} bytes", doing, have, content.size);
  return ok();
}

Status RegistryClient::pull_bytes(const std::string& repository, const Content& content, uint64_t from,
                                  const Take& take) {
  const std::string target = fmt::format("/v2/{}/blobs/{}", repository, content.digest.str());
  uint64_t have = from;
  bool taking = true;
  const Take held = [&](std::string_view bytes) {
    Status taken = take(bytes);
    taking = bool(taken);
    return taken;
  };
  for (int attempt = 0; have < content.size; ++attempt) {
    const uint64_t before = have;
    Status pulled = transfer_->pull_once(target, content, have, held);
    if (pulled) break;
    if (have - before >= kProgress) attempt = 0;
    // What the taker cannot keep, it cannot keep the next time either.
    if (!taking || !is_worth_another_try(pulled.error()) || attempt + 1 >= transfer_->options.attempts)
      return pulled;
    transfer_->pause(attempt);
  }
  return ok();
}

Status RegistryClient::pull_blob(const std::string& repository, const Content& content, const Take& take) {
  base::Sha256 hash;
  Status pulled = pull_bytes(repository, content, 0, [&](std::string_view bytes) {
    hash.update(bytes);
    return take(bytes);
  });
  if (!pulled) return pulled;
  if (const Digest actual = hash.finish(); actual != content.digest)
    return fail(Code::kInvalid, "fetching {}: what came has the digest {}", content.digest.str(),
                actual.str());
  return ok();
}

}  // namespace slipway::oci
