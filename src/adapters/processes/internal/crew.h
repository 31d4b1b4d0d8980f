// The replicas of one revision: as many as were told, started again when they end, replaced before their
// memory is used up, stopped when they are too many.
//
// Threads: one at a time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/processes/internal/fetcher.h"
#include "adapters/processes/internal/replica.h"

namespace slipway::processes {

class Crew {
 public:
  Crew(const Place& place, Fetcher& fetcher, Told told);
  // One that runs, and of which nothing is written: it is shown, and stopped when nobody wants it for a
  // while.
  static std::unique_ptr<Crew> of_found(const Place& place, Fetcher& fetcher, domain::RevisionSpec guess,
                                        TimePoint now);

  void tell(const Told& told);
  const Told& told() const { return told_; }
  bool found() const { return found_at_.has_value(); }
  // Removed, and nothing runs any more.
  bool gone() const { return told_.life == Told::Life::kRemoved && replicas_.empty(); }
  // How much it may have at once: what is wanted, and what has not ended yet.
  int most_running() const;

  // Takes in who runs under that ordinal, if anybody does.
  void adopt(int ordinal, TimePoint now);
  bool knows(int ordinal) const { return replicas_.contains(ordinal); }

  void look(TimePoint now);
  void add_sockets(std::vector<std::string>& sockets) const;
  void hear(const std::map<std::string, http::ProbeAnswer>& answers, TimePoint now);
  void step(TimePoint now);
  int unheard() const;  // found running, and not heard of since

  void observe(TimePoint now, domain::Observation& out) const;

 private:
  void start(int ordinal, TimePoint now);
  bool bring_files(TimePoint now);
  void relieve(TimePoint now);
  int wanted() const { return told_.life == Told::Life::kRemoved ? 0 : told_.replicas; }
  Replica& replica(int ordinal);

  const Place& place_;
  Fetcher& fetcher_;
  Told told_;
  std::optional<TimePoint> found_at_;
  std::string folder_;  // of its files; empty: to be brought
  Failures fetch_failures_;
  std::optional<domain::Fault> fetch_fault_;
  std::optional<TimePoint> relieved_at_;
  std::map<int, std::unique_ptr<Replica>> replicas_;  // by ordinal
};

}  // namespace slipway::processes
