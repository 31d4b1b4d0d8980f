// One step in a deployment's life. The parts run in this order, each on what the one before left: what was
// lost, what the spec wants, how far the candidate is, what of the old may go, and what holds now.
#pragma once

#include <map>
#include <string>

#include "decide/rollout/internal/facts.h"
#include "decide/rollout/rollout.h"

namespace slipway::rollout {

using domain::Phase;
using domain::RevisionStatus;

class Life {
 public:
  Life(const View& view, const Options& options);

  Decision step();

 private:
  // life.cc
  void take_in();
  void recover();
  void align();
  void begin(const domain::RevisionSpec& revision);
  void wanted_again(RevisionStatus& revision);
  void abandon_others(const std::string& wanted);
  void retire();
  Duration passed_since(WallTime time) const;
  bool is_removed(const RevisionStatus& revision) const;
  void settle_weights();
  bool is_changing() const;

  // candidate.cc
  void advance();
  void raise(RevisionStatus& candidate);
  void promote(RevisionStatus& revision);
  void fail(RevisionStatus& candidate, const Fault& fault);
  std::optional<Reason> hindrance(const RevisionStatus& candidate) const;
  std::optional<Fault> failure(const RevisionStatus& candidate) const;
  std::optional<Fault> overdue(const RevisionStatus& candidate) const;
  Duration hold() const;

  // conditions.cc
  void describe();
  void tell_news(const domain::Condition& now);
  domain::Condition progressing() const;
  domain::Condition serving() const;
  domain::Condition ready(const domain::Condition& progressing) const;
  domain::Condition on_the_way(const RevisionStatus& candidate) const;
  std::string count_text(const RevisionStatus& revision) const;

  bool failed() const { return status_.rollout.failed_in == view_.deployment.generation; }
  RevisionStatus* find(std::string_view revision);
  RevisionStatus* in_phase(Phase phase);
  RevisionStatus* candidate();
  const Facts& facts(const RevisionStatus& revision) const { return facts_.at(revision.revision.name); }
  std::optional<Fault> fault_of(const RevisionStatus& revision) const;
  void enter(RevisionStatus& revision, Phase phase);
  void went_forward() { status_.rollout.progress = now_; }
  void note(Reason reason, std::string message, Tone tone = Tone::kNormal);
  const domain::RolloutSpec& spec() const { return view_.deployment.spec.rollout; }
  int wanted() const { return view_.deployment.spec.replicas; }

  const View& view_;
  const Options& options_;
  const WallTime now_;  // to the millisecond, as the status holds it
  const std::vector<domain::RolloutStep> steps_;
  ModelDeploymentStatus status_;
  std::map<std::string, Facts, std::less<>> facts_;
  std::vector<Note> notes_;
};

}  // namespace slipway::rollout
