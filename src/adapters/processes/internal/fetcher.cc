#include "adapters/processes/internal/fetcher.h"

namespace slipway::processes {

Fetcher::~Fetcher() {
  {
    const runtime::MutexLock lock(mutex_);
    ending_ = true;
  }
  executor_.stop();
}

void Fetcher::begin(const domain::RevisionSpec& revision) {
  {
    const runtime::MutexLock lock(mutex_);
    if (results_.contains(revision.name) || !under_way_.insert(revision.name).second) return;
  }
  if (executor_.submit([this, revision] { bring(revision); })) return;
  const runtime::MutexLock lock(mutex_);
  under_way_.erase(revision.name);
}

void Fetcher::bring(const domain::RevisionSpec& revision) {
  {
    const runtime::MutexLock lock(mutex_);
    if (ending_) return;
  }
  auto folder = fetch_(revision);
  const runtime::MutexLock lock(mutex_);
  under_way_.erase(revision.name);
  results_.insert_or_assign(revision.name, std::move(folder));
}

std::optional<Result<std::string>> Fetcher::take(const std::string& revision) {
  const runtime::MutexLock lock(mutex_);
  const auto at = results_.find(revision);
  if (at == results_.end()) return std::nullopt;
  auto out = std::move(at->second);
  results_.erase(at);
  return out;
}

}  // namespace slipway::processes
