#include "decide/why/internal/table.h"

#include <algorithm>
#include <array>

namespace slipway::why {
namespace {

constexpr const char* kLogs = "slipway logs {logs}";
constexpr const char* kWatch = "slipway rollout status {name} -w";
constexpr const char* kBack = "slipway rollout rollback {name}";
constexpr const char* kPlatform = "slipway status";
constexpr const char* kMoreMemory =
    "kubectl patch md {name} --type=merge -p "
    "'{{\"spec\":{{\"resources\":{{\"memory\":\"{more_memory}\"}}}}}}'";
constexpr const char* kMend = "mend the model, push it again and deploy the new version{way_back}";

// The root first. What a reason follows from stands above it.
constexpr std::array<Row, 39> kRows{{
    {Reason::kEnvironmentUnavailable, Weight::kFault, "what runs can be neither seen nor changed: {says}",
     kPlatform, "shows which part does not answer; what serves goes on meanwhile"},
    {Reason::kDiskFull, Weight::kFault, "the disk takes no more writes: {says}",
     "df -h \"${{SLIPWAY_DATA:-$HOME/.local/share/slipway}}\"",
     "make room there, or let it be written to; the rest happens by itself"},
    {Reason::kVersionNotFound, Weight::kFault, "{says}", "slipway get mv",
     "the spec names a version that was never pushed, or was deleted"},
    {Reason::kSignatureChanged, Weight::kFault, "{says}", kBack,
     "or, when the callers know: kubectl patch md {name} --type=merge -p "
     "'{{\"spec\":{{\"rollout\":{{\"allowSignatureChange\":true}}}}}}'"},
    {Reason::kDigestMismatch, Weight::kFault, "the files of {subject} are not what was pushed: {says}",
     "slipway verify", "names the damaged files; remove them and push the same content again"},
    {Reason::kFetchFailed, Weight::kFault, "the files of {subject} cannot be brought here: {says}",
     "slipway fetch {model}:{version}", "does by hand what failed, and says where"},
    {Reason::kNameTaken, Weight::kFault, "what {subject} needs bears the name of somebody else's: {says}",
     "kubectl get deployments,services {revision}",
     "rename or remove what is in the way; the rest happens by itself"},
    {Reason::kPodRefused, Weight::kFault, "the cluster does not admit the pods of {subject}: {says}",
     "kubectl describe deployment {revision}", "ask whoever set the namespace's rules"},
    {Reason::kQuotaExceeded, Weight::kFault, "the namespace has no room for {subject}: {says}",
     "kubectl describe resourcequota", "ask for fewer replicas or less, or have the quota raised"},
    {Reason::kImagePullFailed, Weight::kFault, "the server's image cannot be brought: {says}",
     "kubectl describe pods -l slipway.dev/revision={revision}",
     "load the image, or install with one that the nodes can pull"},
    {Reason::kUnschedulable, Weight::kFault, "no node takes a replica of {subject}: {says}",
     "kubectl describe pods -l slipway.dev/revision={revision}",
     "ask for less in spec.resources, or add a node"},
    {Reason::kInsufficientMemory, Weight::kFault, "there is not enough memory: {says}",
     "slipway scale {name} --replicas {fewer}", "or ask for less in spec.resources.memory, or free some"},
    {Reason::kOutOfMemory, Weight::kFault, "a replica of {subject} ran out of memory: {says}", kMoreMemory,
     "or give it fewer rows a request, or a smaller model"},
    {Reason::kMemoryPressure, Weight::kFault, "a replica of {subject} is near its memory limit: {says}",
     kMoreMemory, "it is replaced before it fails; with more memory that is not needed"},
    {Reason::kLoadFailed, Weight::kFault, "{subject} cannot be served: {says}",
     "slipway inspect \"$(slipway fetch {model}:{version})\"", kMend},
    {Reason::kHanging, Weight::kFault, "a replica of {subject} runs and does not answer: {says}", kLogs,
     "it is ended and started again by itself; the log's end says what it was doing"},
    {Reason::kKilled, Weight::kFault, "a replica of {subject} was ended by a signal: {says}", kLogs,
     "it is started again by itself, after longer and longer pauses"},
    {Reason::kExited, Weight::kFault, "a replica of {subject} ended by itself: {says}", kLogs,
     "it is started again by itself, after longer and longer pauses"},
    {Reason::kCrashLoop, Weight::kFault, "the replicas of {subject} end again and again: {says}", kLogs,
     kMend},
    {Reason::kGatewayUnreachable, Weight::kFault,
     "the change waits for a gateway that does not answer: {says}", kPlatform,
     "when it does not come back before rollout.deadline, onFailure ({on_failure}) decides"},
    {Reason::kWaitingForGateway, Weight::kHold,
     "the change waits until every gateway has taken {subject} in: {says}", kPlatform,
     "that takes less than a second; when it does not, a gateway does not hear of changes"},
    {Reason::kScaled, Weight::kStep, "the number of replicas changes: {says}", kWatch, ""},
    {Reason::kFetching, Weight::kStep, "the files of {subject} are being fetched: {says}", kWatch, ""},
    {Reason::kStarting, Weight::kStep, "the replicas of {subject} load and warm: {says}", kWatch, ""},
    {Reason::kProgressDeadlineExceeded, Weight::kFault, "the change was given up: {says}", kBack,
     "or, when it only needs longer, raise spec.rollout.deadline: that is another try"},
    {Reason::kRolledBack, Weight::kFault,
     "{serving} gets all requests; {subject} is not tried again before the spec changes", kBack,
     "writes the version that serves into the spec, so that both agree again"},
    {Reason::kPaused, Weight::kHold, "{says}", "slipway rollout resume {name}",
     "or go back: slipway rollout rollback {name}"},
    {Reason::kNoReadyReplica, Weight::kFault, "no request for {name} is answered: {says}", kLogs,
     "callers get 503 with Retry-After until a replica is ready"},
    {Reason::kShifting, Weight::kStep, "a change is under way: {says}", kWatch, ""},
    {Reason::kScaledToZero, Weight::kFine, "no replica is wanted, as the spec says: requests get 503",
     "slipway scale {name} --replicas 1", "for one that answers"},
    {Reason::kReady, Weight::kFine, "everything is as the spec wants it: {says}", "", ""},
    {Reason::kServing, Weight::kFine, "requests are answered", "", ""},
    {Reason::kRolloutComplete, Weight::kFine, "{says}", "", ""},
    {Reason::kDraining, Weight::kFine, "{subject} is no longer needed and goes when nobody waits for it",
     kWatch, ""},
    {Reason::kPushed, Weight::kNews, "{says}", "", ""},
    {Reason::kRevisionCreated, Weight::kNews, "{says}", kWatch, ""},
    {Reason::kSuperseded, Weight::kNews, "{says}", "", ""},
    {Reason::kRemoved, Weight::kNews, "{says}", "", ""},
    {Reason::kDeploymentDeleted, Weight::kFault, "{says}", "", ""},
}};

}  // namespace

size_t rank_of(Reason reason) {
  const auto at =
      std::find_if(kRows.begin(), kRows.end(), [&](const Row& row) { return row.reason == reason; });
  return std::min(static_cast<size_t>(at - kRows.begin()), kRows.size() - 1);
}

const Row& row_of(Reason reason) { return kRows[rank_of(reason)]; }

std::string fill(const char* format, const Words& words) {
  return fmt::format(fmt::runtime(format), fmt::arg("name", words.name), fmt::arg("model", words.model),
                     fmt::arg("version", words.version), fmt::arg("subject", words.subject),
                     fmt::arg("revision", words.revision), fmt::arg("logs", words.logs),
                     fmt::arg("says", words.says), fmt::arg("serving", words.serving),
                     fmt::arg("on_failure", words.on_failure), fmt::arg("fewer", words.fewer),
                     fmt::arg("way_back", words.way_back), fmt::arg("more_memory", words.more_memory));
}

}  // namespace slipway::why
