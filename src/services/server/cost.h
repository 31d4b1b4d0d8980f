// How long a model's run will take, learnt from how long its runs took: a + c·rows, by least squares whose
// memory fades. Who decides between the loop and the workers asks before each run.
#pragma once

#include <atomic>
#include <optional>

#include "values/base/time.h"

namespace slipway::server {

class Cost {  // thread-safe; predict() takes no lock
 public:
  // Nothing before the first run was learnt.
  std::optional<Duration> predict(int64_t rows) const;
  // Outliers (a thread that was descheduled) weigh no more than four times what was expected.
  void learn(int64_t rows, Duration took);

 private:
  static constexpr double kFade = 0.98;  // the weight that a run keeps when the next one is learnt

  std::atomic<bool> known_{false};
  std::atomic<double> fixed_ns_{0}, row_ns_{0};
  std::atomic_flag learning_ = ATOMIC_FLAG_INIT;  // who comes second does not wait: a lost sample is no loss
  double n_ = 0, rows_ = 0, time_ = 0, rows2_ = 0, rows_time_ = 0;
};

}  // namespace slipway::server
