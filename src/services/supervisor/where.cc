#include "services/supervisor/where.h"

#include <unistd.h>

#include <string_view>

#include "system/os/replace_file.h"

namespace slipway::supervisor {
namespace {

constexpr size_t kLongestFolder = 107 - std::string_view("/run/0123456789abcdef.admin.sock").size();

}  // namespace

std::string lock_of(const std::string& data, const std::string& part) {
  return data + "/run/" + part + ".lock";
}
std::string admin_of(const std::string& data, const std::string& part) {
  return data + "/run/" + part + ".admin.sock";
}

Status prepare(const std::string& data) {
  if (data.size() > kLongestFolder)
    return fail(
        Code::kInvalid,
        "--data {}: {} bytes are too many, since the path of a socket below it has at most 107; it may "
        "have {}",
        data, data.size(), kLongestFolder);
  const auto refuse = [&](const Error& error) {
    return fail(error.code, "--data {} cannot be written: {}", data, error.message);
  };
  for (const char* folder : {"/run", "/logs"})
    if (Status made = os::make_folders(data + folder); !made) return refuse(made.error());
  // A name of our own: another `up` may try at the same time.
  const std::string trial = fmt::format("{}/run/trial.{}", data, ::getpid());
  const Status written = os::replace_file(trial, "can this be written?\n", 0600);
  ::unlink(trial.c_str());
  return written ? ok() : refuse(written.error());
}

bool is_at(const http::Address& wanted, const http::Address& actual) {
  if (wanted.kind != http::Address::Kind::kTcp) return wanted == actual;
  const bool host = wanted.host == actual.host || (wanted.host == "localhost" && http::is_local(actual));
  return actual.kind == wanted.kind && host && (wanted.port == 0 || wanted.port == actual.port);
}

std::string url_of(const http::Address& address) {
  return address.kind == http::Address::Kind::kTcp ? "http://" + address.str() : address.str();
}

}  // namespace slipway::supervisor
