// What a person should do about an error of the API, by where it came from.
#include "services/cli/platform.h"

namespace slipway::cli {
namespace {

constexpr int kUnauthorized = 401, kForbidden = 403, kNotFoundStatus = 404;

// One line a field reads better than one line for all.
std::string what_is_wrong(const kube::ApiError& error) {
  constexpr std::string_view kInvalid = " is invalid: ";
  const std::string& message = error.error.message;
  const size_t at = message.find(kInvalid);
  if (error.causes.size() < 2) return message;
  std::string out = at == std::string::npos ? message : message.substr(0, at + kInvalid.size() - 2);
  for (const kube::Cause& cause : error.causes)
    if (cause.field != "<nil>") out += fmt::format("\n  {}: {}", cause.field, cause.message);
  return out;
}

// An API server answers a path of a group that it does not know without a Status.
bool lacks_our_group(const kube::ApiError& error) {
  return error.status == kNotFoundStatus && error.reason.empty() &&
         error.error.message.find("/apis/slipway.dev/") != std::string::npos;
}

bool lacks_namespace(const kube::ApiError& error) {
  return error.status == kNotFoundStatus && error.error.message.starts_with("namespaces \"");
}

}  // namespace

std::string Platform::str() const {
  if (chosen == Chosen::kByData) return "the platform of " + data;
  return fmt::format("context {} ({})", access.context, access.server);
}

std::string Platform::options() const {
  return (file.empty() ? "" : " --kubeconfig " + file) +
         (chosen == Chosen::kByContext ? " --context " + access.context : "");
}

std::string Platform::explain(const kube::ApiError& error) const {
  const bool named = chosen != Chosen::kByData;
  // Our own server says what to do; a cluster's says that it is so.
  const bool own_words = error.error.message.find("slipway kubeconfig") != std::string::npos;
  if (error.status == kUnauthorized && !own_words)
    return fmt::format(
        "{} does not accept these credentials: they are wrong or have expired. Next step: put new ones into "
        "the kubeconfig (`kubectl create token NAME` makes a token)",
        str());
  if (named && lacks_our_group(error))
    return fmt::format(
        "{} does not know slipway.dev: Slipway is not installed there. Next step: `slipway install{} -n {} "
        "--apply`",
        str(), options(), access.ns);
  std::string out = what_is_wrong(error);
  const bool unreached = error.status == 0 && error.error.code != Code::kInvalid;  // else we did not even ask
  if (unreached && !named) out += "; is `slipway up` running?";
  if (unreached && named)
    out += fmt::format(
        "; {} does not answer: does it run, and is its address right? `slipway context` lists what "
        "there is",
        str());
  if (error.status == kForbidden)
    out += fmt::format(
        "\nNext step: ask who administers {} for that right (a Role and a RoleBinding in the "
        "namespace {})",
        str(), access.ns);
  if (lacks_namespace(error)) out += fmt::format("; `kubectl create namespace {}` makes it", access.ns);
  if (error.reason == "Conflict")
    out += "\nSomebody changed it meanwhile: look at it again and repeat the command.";
  return out;
}

}  // namespace slipway::cli
