#include "system/oci/client.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "system/oci/internal/transfer.h"
#include "system/os/replace_file.h"

namespace slipway::oci {
namespace {

using base::Method;
using internal::is_worth_another_try;
using internal::refused;

constexpr size_t kPiece = 128 << 10;

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

// Some registries keep an upload's state in the query of its target.
std::string with_digest(const std::string& target, const Digest& digest) {
  return target + (target.find('?') == std::string::npos ? "?" : "&") + "digest=" + digest.str();
}

}  // namespace

Result<RegistryClient::Transfer::Place> RegistryClient::Transfer::begin(const std::string& repository,
                                                                        const std::string& resume) {
  if (const auto kept =
          resume.empty() ? Result<std::string>(fail(Code::kNotFound, "")) : os::read_file(resume, 4096);
      kept) {
    auto there = status(*kept);
    if (there && there->size > 0) return there;
    // "0-0" says one byte or none: not worth finding out.
    if (there) static_cast<void>(session.ask({.method = Method::kDelete, .target = there->target}));
  }
  const auto begun = ask({.method = Method::kPost, .target = "/v2/" + repository + "/blobs/uploads/"}, 202,
                         "beginning an upload");
  if (!begun) return fail(begun.error());
  const Place place{.target = session.target_of(begun->find("location"))};
  if (!resume.empty())
    if (Status kept = os::replace_file(resume, place.target, 0600); !kept) return fail(kept.error());
  return place;
}

Result<RegistryClient::Transfer::Place> RegistryClient::Transfer::status(const std::string& target) {
  const auto there = ask({.target = target}, 204, "asking how far an upload is");
  if (!there) return fail(there.error());
  return Place{.target = session.target_of(there->find("location")), .size = received(*there)};
}

// The rest of the file from the place on, and its digest with it.
Status RegistryClient::Transfer::send(const Place& place, const os::OpenFile& file, const Digest& digest) {
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
                        .target = with_digest(place.target, digest),
                        .headers = {{"content-type", "application/octet-stream"}}};
  if (source.size > 0) {
    request.source = &source;
    if (place.size > 0)
      request.headers.emplace_back("content-range", fmt::format("{}-{}", place.size, file.size - 1));
  }
  const auto done = ask(request, 201, "sending " + file.path);
  return done ? ok() : Status(fail(done.error()));
}

RegistryClient::RegistryClient(http::Url url, http::ClientOptions http, ClientOptions options)
    : transfer_(std::make_unique<Transfer>(std::move(url), std::move(http), std::move(options))) {}
RegistryClient::~RegistryClient() = default;

Result<bool> RegistryClient::has_blob(const std::string& repository, const Digest& digest) {
  const auto response = transfer_->session.ask(
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
                                    .target = with_digest(begun->target, digest),
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

}  // namespace slipway::oci
