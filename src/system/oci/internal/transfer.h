// What pushing and pulling have in common: a session, tries, pauses.
#pragma once

#include <algorithm>
#include <thread>

#include "system/oci/internal/session.h"

namespace slipway::oci {

namespace internal {

bool is_worth_another_try(const Error& error);

}  // namespace internal

class RegistryClient::Transfer {
 public:
  Transfer(http::Url url, http::ClientOptions http, ClientOptions own)
      : session(std::move(url), std::move(http), own.access), options(std::move(own)) {}

  Result<http::Response> ask(const http::Request& request, int wanted, std::string_view doing) {
    auto response = session.ask(request);
    if (!response) return fail(within(doing, response.error()));
    if (response->status != wanted) return fail(internal::refused(*response, doing));
    return response;
  }

  void pause(int attempt) const {
    const Duration growing = std::chrono::milliseconds(100) * (1 << std::min(attempt, 10));
    const Duration wait =
        std::max(std::min<Duration>(growing, std::chrono::seconds(5)), session.retry_after());
    if (options.sleep)
      options.sleep(wait);
    else
      std::this_thread::sleep_for(wait);
  }
  void moved(uint64_t bytes) const {
    if (options.on_progress) options.on_progress(bytes);
  }

  // Where an upload stands: its target, and how much has arrived.
  struct Place {
    std::string target;
    uint64_t size = 0;
  };
  Result<Place> begin(const std::string& repository, const std::string& resume);
  Result<Place> status(const std::string& target);
  Status send(const Place& place, const os::OpenFile& file, const Digest& digest);

  // One connection's worth of a blob, from `have` on, which it moves.
  Status pull_once(const std::string& target, const Content& content, uint64_t& have, const Take& take);

  internal::Session session;
  const ClientOptions options;
};

}  // namespace slipway::oci
