// How a pod is, and why it is not as it should be: the kubelet's and the scheduler's words in ours.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "adapters/pods/internal/seen.h"
#include "values/domain/endpoint_slice.h"
#include "values/domain/units.h"

namespace slipway::pods {
namespace {

using domain::Fault;
using domain::Reason;
using domain::ReplicaState;
using json::Document;
using json::member;
using json::text_of;
using namespace std::chrono_literals;

// As `slipway serve` and `slipway fetch` end.
constexpr int kUnservable = 3, kNotTheDigest = 4;
// Who ran for so long had not failed to start: what came before is forgotten.
constexpr auto kRanForAWhile = 1min;

int number_of(const Document& object, const char* name) {
  const Document& value = member(object, name);
  return value.is_number_integer() ? value.get<int>() : 0;
}

const Document& status_of(const Document& pod, const char* list, const char* container) {
  static const Document kNone;
  for (const Document& each : member(member(pod, "status"), list))
    if (text_of(each, "name") == container) return each;
  return kNone;
}

// What says why: the last line that calls itself an error, else the last line. Steps to take may follow it.
std::string_view last_line(std::string_view text) {
  constexpr std::string_view kError = "error: ";
  while (text.ends_with('\n')) text.remove_suffix(1);
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = rest.rfind('\n');
    const std::string_view line = rest.substr(end + 1);  // npos + 1 is 0
    if (line.starts_with(kError)) return line.substr(kError.size());
    rest = rest.substr(0, end == std::string_view::npos ? 0 : end);
  }
  return text.substr(text.rfind('\n') + 1);
}

// With the kubelet's FallbackToLogsOnError the message is the log's end.
std::string with_log(std::string what, const Document& ended) {
  const std::string log = text_of(ended, "message");
  return log.empty() ? what : fmt::format("{}; its last line: {}", what, last_line(log));
}

Fault fault_of_server(const Document& ended) {
  const int code = number_of(ended, "exitCode");
  const std::string message = text_of(ended, "message");
  if (text_of(ended, "reason") == "OOMKilled")
    return {Reason::kOutOfMemory, with_log("it wanted more memory than it may have", ended)};
  if (code == kUnservable)
    return {Reason::kLoadFailed,
            message.empty() ? "the model cannot be served" : std::string(last_line(message))};
  if (code > 128)
    return {Reason::kKilled, with_log(fmt::format("it was ended by signal {}", code - 128), ended)};
  return {Reason::kExited, with_log(fmt::format("it ended with code {}", code), ended)};
}

Fault fault_of_fetch(const Document& ended) {
  const std::string message = text_of(ended, "message");
  const int code = number_of(ended, "exitCode");
  const Reason reason = code == kNotTheDigest ? Reason::kDigestMismatch : Reason::kFetchFailed;
  if (text_of(ended, "reason") == "OOMKilled")
    return {Reason::kOutOfMemory, with_log("fetching wanted more memory than it may have", ended)};
  return {reason, message.empty() ? fmt::format("fetching ended with code {}", code)
                                  : std::string(last_line(message))};
}

// The kubelet says the same in turn with and without "Back-off …" before it: the message must not change each
// time, or statuses would be written for nothing.
std::string_view pull_error(std::string_view message) {
  constexpr std::string_view kCause = "ErrImagePull: ";
  const size_t at = message.rfind(kCause);
  return at == std::string_view::npos ? message : message.substr(at + kCause.size());
}

bool is_image_fault(const std::string& reason) {
  constexpr std::string_view kFaults[] = {"ErrImagePull",      "ImagePullBackOff",  "InvalidImageName",
                                          "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable"};
  return std::find(std::begin(kFaults), std::end(kFaults), reason) != std::end(kFaults);
}

// Why a container waits, when that is worth telling.
std::optional<Fault> fault_of_waiting(const Document& container) {
  const Document& waiting = member(member(container, "state"), "waiting");
  const std::string reason = text_of(waiting, "reason"), message = text_of(waiting, "message");
  if (is_image_fault(reason)) return Fault{Reason::kImagePullFailed, std::string(pull_error(message))};
  if (reason == "CreateContainerConfigError" || reason == "CreateContainerError" ||
      reason == "RunContainerError")
    return Fault{Reason::kPodRefused, fmt::format("{}: {}", reason, message)};
  return std::nullopt;
}

// What ended last: what runs no longer, or what ran before what runs.
const Document& last_end(const Document& container) {
  const Document& now = member(member(container, "state"), "terminated");
  return now.is_object() ? now : member(member(container, "lastState"), "terminated");
}

bool ran_for_a_while(const Document& ended) {
  const auto from = domain::parse_time(text_of(ended, "startedAt"));
  const auto to = domain::parse_time(text_of(ended, "finishedAt"));
  return from && to && *to - *from >= kRanForAWhile;
}

int failures_of(const Document& container) {
  const Document& ended = last_end(container);
  if (!ended.is_object() || number_of(ended, "exitCode") == 0) return 0;
  if (ran_for_a_while(ended)) return 1;
  // The end that was not followed by a restart yet counts as well.
  const bool waits_for_restart = !member(member(container, "state"), "running").is_object();
  const bool over = member(member(container, "state"), "terminated").is_object();
  return std::max(1, number_of(container, "restartCount") + (over && waits_for_restart ? 1 : 0));
}

bool is_true(const Document& pod, std::string_view type) {
  for (const Document& each : member(member(pod, "status"), "conditions"))
    if (text_of(each, "type") == type) return text_of(each, "status") == "True";
  return false;
}

std::optional<Fault> unscheduled(const Document& pod) {
  for (const Document& each : member(member(pod, "status"), "conditions"))
    if (text_of(each, "type") == "PodScheduled" && text_of(each, "status") == "False")
      return Fault{Reason::kUnschedulable, text_of(each, "message")};
  return std::nullopt;
}

// The state and the fault of a pod that is neither over nor on its way out.
void judge(const Document& pod, SeenPod& out) {
  const Document& fetch = status_of(pod, "initContainerStatuses", "fetch");
  const Document& server = status_of(pod, "containerStatuses", "server");
  const auto waits_again = [](const Document& container) {
    return text_of(member(member(container, "state"), "waiting"), "reason") == "CrashLoopBackOff";
  };
  const bool fetched = member(member(server, "state"), "running").is_object() ||
                       last_end(server).is_object() || waits_again(server);
  const Document& current = fetched ? server : fetch;
  out.failures = failures_of(current);
  out.state = out.ready              ? ReplicaState::kReady
              : waits_again(current) ? ReplicaState::kBackingOff
              : fetched              ? ReplicaState::kStarting
                                     : ReplicaState::kPreparing;
  if (out.ready) return;
  out.fault = unscheduled(pod);
  for (const Document* each : {&fetch, &server})
    if (auto waiting = fault_of_waiting(*each)) out.fault = std::move(waiting);
  if (out.failures > 0)
    out.fault = fetched ? fault_of_server(last_end(server)) : fault_of_fetch(last_end(fetch));
}

}  // namespace

SeenPod see_pod(const Document& pod) {
  const Document& metadata = member(pod, "metadata");
  const Document& labels = member(metadata, "labels");
  const Document& status = member(pod, "status");
  SeenPod out{.name = text_of(metadata, "name"),
              .component = text_of(labels, kComponent),
              .revision = text_of(labels, kRevisionLabel),
              .deployment = text_of(labels, domain::kDeploymentLabel),
              .address = text_of(status, "podIP"),
              .fault = {}};
  out.ends = metadata.contains("deletionTimestamp");
  const std::string phase = text_of(status, "phase");
  out.over = phase == "Failed" || phase == "Succeeded";
  out.ready = !out.ends && !out.over && is_true(pod, "Ready");
  if (out.ends)
    out.state = ReplicaState::kDraining;
  else
    judge(pod, out);
  if (out.over && !out.fault && !text_of(status, "message").empty())
    out.fault =
        Fault{Reason::kExited, fmt::format("{}: {}", text_of(status, "reason"), text_of(status, "message"))};
  return out;
}

}  // namespace slipway::pods
