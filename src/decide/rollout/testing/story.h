// A deployment's life told step by step, for tests: what people want, what is seen, and one line of what
// follows: "v1 Serving 90 %, v2 Shifting 10 %".
#pragma once

#include <map>
#include <string>
#include <vector>

#include "decide/rollout/rollout.h"

namespace slipway::rollout {

class Story {
 public:
  explicit Story(domain::ModelDeploymentSpec spec);
  // Its first revision serves already.
  static Story serving(domain::ModelDeploymentSpec spec);
  // Version 1 was just replaced by version 2, and is kept.
  static Story changed(domain::ModelDeploymentSpec spec);

  domain::ModelDeploymentSpec& spec() { return deployment_.spec; }
  void canary(std::vector<domain::RolloutStep> steps);
  void refuse(Fault refusal) { refusal_ = std::move(refusal); }

  // What is seen of the revision of a version from now on.
  void ready(int64_t version, int replicas);
  void failing(int64_t version, int failures, Fault fault);
  void routed(int64_t version, int weight = 0);
  void busy(int64_t version) { versions_[version].in_flight = 1; }
  void quiet(int64_t version) { versions_[version].in_flight = 0; }
  void gateway_answers(bool answers) { gateway_answers_ = answers; }

  void after(Duration time) { now_ += time; }
  void restart_at(Duration jump);  // of the wall's clock, while nobody looked
  void lose_status() { deployment_.status = {}; }

  std::string look();                                  // decides; what it says is the status from then on
  std::string condition(std::string_view type) const;  // "True Ready"
  std::string message(std::string_view type) const;
  int desired(int64_t version) const;
  bool changing() const { return changing_; }
  const domain::ModelDeploymentStatus& status() const { return deployment_.status; }
  const std::vector<Note>& notes() const { return notes_; }

 private:
  struct Seen {
    int ready = 0, failures = 0, in_flight = 0, weight = 0;
    std::optional<Fault> fault;
    bool routed = false;
  };
  domain::RevisionSpec revision(int64_t version) const;
  domain::Observation observation() const;

  domain::ModelDeployment deployment_;
  domain::ModelDeploymentSpec before_;
  std::map<int64_t, Seen> versions_;
  std::optional<Fault> refusal_;
  bool gateway_answers_ = true, changing_ = false;
  WallTime now_ = WallTime{} + std::chrono::hours(1'000'000), started_ = now_ - std::chrono::hours(1);
  std::vector<Note> notes_;
};

}  // namespace slipway::rollout
