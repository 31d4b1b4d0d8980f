#include "system/oci/client.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include <nlohmann/json.hpp>

#include "system/os/replace_file.h"
#include "values/base/time.h"
#include "values/json/document.h"

namespace slipway::oci {
namespace {

using namespace std::chrono_literals;
using base::Method;

constexpr size_t kPiece = 128 << 10;

// What a registry says is wrong, in its own words.
Error refused(const http::Response& response, std::string_view doing) {
  const auto body = json::parse_document(response.body);
  std::string text;
  if (body)
    for (const json::Document& error : json::member(*body, "errors"))
      text += (text.empty() ? "" : "; ") + json::text_of(error, "message");
  if (text.empty()) text = response.body.substr(0, 200);
  const Code code = response.status == 404   ? Code::kNotFound
                    : response.status == 401 ? Code::kDenied
                    : response.status == 403 ? Code::kDenied
                    : response.status == 413 ? Code::kTooLarge
                    : response.status == 416 ? Code::kConflict
                    : response.status >= 500 ? Code::kUnavailable
                                             : Code::kInvalid;
  return {code, fmt::format("{}: the registry says {}: {}", doing, response.status, text)};
}

bool is_worth_another_try(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kTimeout || error.code == Code::kExhausted ||
         error.code == Code::kConflict;
}

// "0-99" of an upload's status: 100 bytes are there.
uint64_t received(const http::Response& response) {
  const std::string_view range = response.find("range");
  const size_t dash = range.find('-');
  uint64_t last = 0;
  if (dash == std::string_view::npos) return 0;
  const std::string_view digits = range.substr(dash + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), last);
  return last == 0 ? 0 : last + 1;
}

// The path of a Location, which may be whole.
std::string target_of(std::string_view location) {
  if (const size_t scheme = location.find("://"); scheme != std::string_view::npos) {
    const size_t slash = location.find('/', scheme + 3);
    return slash == std::string_view::npos ? "/" : std::string(location.substr(slash));
  }
  return std::string(location);
}

}  // namespace

class RegistryClient::Transfer {
 public:
  Transfer(http::Url url, http::ClientOptions http, ClientOptions own)
      : client(std::move(url), std::move(http)), options(std::move(own)) {}

  Result<http::Response> ask(const http::Request& request, int wanted, std::string_view doing) {
    auto response = client.ask(request);
    if (!response) return fail(within(doing, response.error()));
    if (response->status != wanted) return fail(refused(*response, doing));
    return response;
  }

  void pause(int attempt) const {
    std::this_thread::sleep_for(std::min<Duration>(100ms * (1 << attempt), 5s));
  }
  void moved(uint64_t bytes) const {
    if (options.on_progress) options.on_progress(bytes);
  }

  // Where an upload stands: its target, and how much has arrived.
  struct Place {
    std::string target;
    uint64_t size = 0;
  };

  Result<Place> begin(const std::string& repository, const std::string& resume) {
    if (const auto kept =
            resume.empty() ? Result<std::string>(fail(Code::kNotFound, "")) : os::read_file(resume, 4096);
        kept) {
      auto there = status(*kept);
      if (there && there->size > 0) return there;
      // "0-0" says one byte or none: not worth finding out.
      if (there) static_cast<void>(client.ask({.method = Method::kDelete, .target = there->target}));
    }
    const auto begun = ask({.method = Method::kPost, .target = "/v2/" + repository + "/blobs/uploads/"}, 202,
                           "beginning an upload");
    if (!begun) return fail(begun.error());
    const Place place{.target = target_of(begun->find("location"))};
    if (!resume.empty())
      if (Status kept = os::replace_file(resume, place.target, 0600); !kept) return fail(kept.error());
    return place;
  }

  Result<Place> status(const std::string& target) {
    const auto there = ask({.target = target}, 204, "asking how far an upload is");
    if (!there) return fail(there.error());
    return Place{.target = target_of(there->find("location")), .size = received(*there)};
  }

  // The rest of the file from the place on, and its digest with it.
  Status send(const Place& place, const os::OpenFile& file, const Digest& digest) {
    uint64_t at = place.size;
    const http::BodySource source{
        .size = file.size - std::min(place.size, file.size),
        .read = [&](std::span<char> into) -> Result<size_t> {
          const ssize_t got = ::pread(file.descriptor.get(), into.data(), std::min(into.size(), kPiece),
                                      static_cast<off_t>(at));
          if (got <= 0) return fail(Code::kInvalid, "{}: it changed while it was pushed", file.path);
          at += static_cast<uint64_t>(got);
          moved(static_cast<uint64_t>(got));
          return static_cast<size_t>(got);
        }};
    http::Request request{.method = Method::kPut,
                          .target = place.target + (place.target.find('?') == std::string::npos ? "?" : "&") +
                                    "digest=" + digest.str(),
                          .headers = {{"content-type", "application/octet-stream"}}};
    if (source.size > 0) {
      request.source = &source;
      if (place.size > 0)
        request.headers.emplace_back("content-range", fmt::format("{}-{}", place.size, file.size - 1));
    }
    const auto done = ask(request, 201, "sending " + file.path);
    return done ? ok() : Status(fail(done.error()));
  }

  http::Client client;
  const ClientOptions options;
};

RegistryClient::RegistryClient(http::Url url, http::ClientOptions http, ClientOptions options)
    : transfer_(std::make_unique<Transfer>(std::move(url), std::move(http), std::move(options))) {}
RegistryClient::~RegistryClient() = default;

Result<bool> RegistryClient::has_blob(const std::string& repository, const Digest& digest) {
  const auto response = transfer_->client.ask(
      {.method = Method::kHead, .target = fmt::format("/v2/{}/blobs/{}", repository, digest.str())});
  if (!response) return fail(response.error());
  if (response->status == 200) return true;
  if (response->status == 404) return false;
  return fail(refused(*response, "asking for " + digest.str()));
}

Result<uint64_t> RegistryClient::push_blob(const std::string& repository, const os::OpenFile& file,
                                           const Digest& digest, const std::string& resume) {
  for (int attempt = 0;; ++attempt) {
    const auto there = has_blob(repository, digest);
    Status sent = ok();
    if (there && *there) {
      if (attempt == 0) transfer_->moved(file.size);
      if (!resume.empty()) ::unlink(resume.c_str());
      return attempt == 0 ? 0 : file.size;
    }
    if (there) {
      const auto place = transfer_->begin(repository, resume);
      if (place && attempt == 0) transfer_->moved(place->size);
      sent = place ? transfer_->send(*place, file, digest) : Status(fail(place.error()));
    } else {
      sent = fail(there.error());
    }
    if (sent) {
      if (!resume.empty()) ::unlink(resume.c_str());
      return file.size;
    }
    // What the registry holds of it is not this file: it is begun anew.
    if (sent.error().code == Code::kInvalid && !resume.empty()) ::unlink(resume.c_str());
    if (!is_worth_another_try(sent.error()) || attempt + 1 >= transfer_->options.attempts)
      return fail(sent.error());
    transfer_->pause(attempt);
  }
}

Result<uint64_t> RegistryClient::push_text(const std::string& repository, std::string_view text) {
  const Digest digest = base::sha256(text);
  const auto there = has_blob(repository, digest);
  if (!there) return fail(there.error());
  if (*there) return 0;
  const auto begun = transfer_->begin(repository, "");
  if (!begun) return fail(begun.error());
  const auto done = transfer_->ask({.method = Method::kPut,
                                    .target = begun->target + "?digest=" + digest.str(),
                                    .headers = {{"content-type", "application/octet-stream"}},
                                    .body = text},
                                   201, "sending " + digest.str());
  if (!done) return fail(done.error());
  return text.size();
}

Status RegistryClient::push_manifest(const std::string& repository, const Reference& reference,
                                     std::string_view text) {
  const auto done = transfer_->ask({.method = Method::kPut,
                                    .target = fmt::format("/v2/{}/manifests/{}", repository, reference.str()),
                                    .headers = {{"content-type", std::string(kManifestType)}},
                                    .body = text},
                                   201, "sending the manifest of " + repository);
  return done ? ok() : Status(fail(done.error()));
}

Status RegistryClient::remove_manifest(const std::string& repository, const Reference& reference) {
  const auto done = transfer_->ask(
      {.method = Method::kDelete, .target = fmt::format("/v2/{}/manifests/{}", repository, reference.str())},
      202, fmt::format("removing {}:{}", repository, reference.str()));
  return done ? ok() : Status(fail(done.error()));
}

Result<RegistryClient::Pulled> RegistryClient::pull_manifest(const std::string& repository,
                                                             const Reference& reference) {
  auto response = transfer_->ask({.target = fmt::format("/v2/{}/manifests/{}", repository, reference.str()),
                                  .headers = {{"accept", std::string(kManifestType)}}},
                                 200, fmt::format("fetching {}", repository));
  if (!response) return fail(response.error());
  if (response->body.size() > kManifestBytes)
    return fail(Code::kTooLarge, "the manifest of {} is larger than {} bytes", repository, kManifestBytes);
  const Digest digest = base::sha256(response->body);
  if (reference.tag.empty() && digest != reference.digest)
    return fail(Code::kInvalid, "the registry gave {} when it was asked for {}", digest.str(),
                reference.digest.str());
  return Pulled{.text = std::move(response->body), .digest = digest};
}

Status RegistryClient::pull_blob(const std::string& repository, const Digest& digest,
                                 const std::function<Status(std::string_view)>& take) {
  const std::string doing = "fetching " + digest.str();
  base::Sha256 hash;
  uint64_t have = 0;
  std::string piece(kPiece, '\0');
  for (int attempt = 0;; ++attempt) {
    http::Request request{.target = fmt::format("/v2/{}/blobs/{}", repository, digest.str())};
    if (have > 0) request.headers.emplace_back("range", fmt::format("bytes={}-", have));
    auto response = transfer_->client.begin(request);
    if (response && response->status != 200 && response->status != 206)
      return fail(refused(*response, doing));
    if (response && have > 0 && response->status == 200)
      return fail(Code::kUnavailable, "{}: the registry does not go on where it broke off", doing);
    Result<size_t> got = response ? Result<size_t>(size_t(0)) : Result<size_t>(fail(response.error()));
    while (response && (got = transfer_->client.read(piece)) && *got > 0) {
      const std::string_view bytes(piece.data(), *got);
      hash.update(bytes);
      have += bytes.size();
      transfer_->moved(bytes.size());
      if (Status taken = take(bytes); !taken) return taken;
    }
    if (got) break;
    if (!is_worth_another_try(got.error()) || attempt + 1 >= transfer_->options.attempts)
      return fail(within(doing, got.error()));
    transfer_->pause(attempt);
  }
  if (const Digest actual = hash.finish(); actual != digest)
    return fail(Code::kInvalid, "{}: what came has the digest {}", doing, actual.str());
  return ok();
}

}  // namespace slipway::oci
