#include "services/api/internal/log_streams.h"

#include <algorithm>

namespace slipway::api {
namespace {

constexpr int kPiecesATurn = 4;  // of one stream, then the others have theirs
constexpr int kAskEvery = 10;    // looks at the file: whether its replica is still there

Failure no_log(const LogQuery& query, bool known) {
  if (!known)
    return {.code = 404,
            .reason = "NotFound",
            .message = fmt::format("pods \"{}\" not found", query.replica),
            .name = query.replica,
            .kind = "pods"};
  return bad_request(
      query.previous
          ? fmt::format("previous terminated container \"server\" in pod \"{}\" not found", query.replica)
          : fmt::format("container \"server\" in pod \"{}\" is waiting to start", query.replica));
}

}  // namespace

// `blocked` and `gone` are told by the exchange's loop; the rest is the thread's.
struct LogStreams::Stream {
  Stream(http::ExchangePtr to, LogQuery asked) : exchange(std::move(to)), query(std::move(asked)) {}

  const http::ExchangePtr exchange;
  const LogQuery query;
  std::atomic<bool> blocked{false}, gone{false};
  std::optional<LogReader> reader;  // once it has begun
  int looks = 0;                    // at its end
};

void LogStreams::answer(http::Exchange& exchange, LogQuery query) {
  const auto stream = std::make_shared<Stream>(exchange.shared_from_this(), std::move(query));
  exchange.on_cancel([this, weak = std::weak_ptr(stream)] {
    const auto kept = weak.lock();
    if (!kept) return;
    kept->gone = true;
    wake();
  });
  bool taken = false;
  {
    const runtime::MutexLock lock(mutex_);
    taken = !stopping_ && open_.size() < options_.open;
    if (taken) open_.push_back(stream);
    if (taken && !thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  if (taken) return wake();
  respond(exchange, {.code = 429,
                     .reason = "TooManyRequests",
                     .message = "too many logs are being read; try again later",
                     .retry_after = 5});
}

void LogStreams::stop() {
  {
    const runtime::MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LogStreams::wake() {
  {
    const runtime::MutexLock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

// Sleeps without end while nobody reads: at rest it costs nothing.
void LogStreams::run() {
  bool again = false;
  while (true) {
    {
      const runtime::MutexLock lock(mutex_);
      while (open_.empty() && !stopping_) changed_.wait(mutex_);
      if (!again && !woken_ && !stopping_) changed_.wait_for(mutex_, options_.look_every);
      woken_ = false;
      if (stopping_) break;
    }
    again = false;
    std::vector<StreamPtr> done;
    for (const StreamPtr& stream : taken()) {
      const Next next = advance(stream);
      again = again || next == Next::kAgain;
      if (next == Next::kDone) done.push_back(stream);
    }
    forget(done);
  }
  for (const StreamPtr& stream : taken()) {
    if (stream->reader)
      stream->exchange->finish();
    else
      respond(*stream->exchange, {.code = 503,
                                  .reason = "ServiceUnavailable",
                                  .message = "the server is stopping",
                                  .retry_after = 1});
  }
  forget(taken());
}

std::vector<LogStreams::StreamPtr> LogStreams::taken() {
  const runtime::MutexLock lock(mutex_);
  return open_;
}

void LogStreams::forget(const std::vector<StreamPtr>& done) {
  const runtime::MutexLock lock(mutex_);
  std::erase_if(open_, [&](const StreamPtr& each) { return std::ranges::find(done, each) != done.end(); });
}

bool LogStreams::is_known(const std::string& replica) const {
  if (!source_.replicas) return false;
  const auto all = source_.replicas();
  return std::ranges::any_of(all, [&](const auto& each) { return each.name == replica; });
}

bool LogStreams::begin(Stream& stream) {
  auto file = os::open_below(source_.folder, stream.query.file());
  if (!file) {
    const bool known = is_known(stream.query.replica) ||
                       os::open_below(source_.folder, stream.query.replica + ".log").has_value();
    respond(*stream.exchange, no_log(stream.query, known));
    return false;
  }
  stream.reader.emplace(std::move(*file), stream.query);
  stream.exchange->start({.status = 200, .content_type = "text/plain"});
  return true;
}

LogStreams::Next LogStreams::advance(const StreamPtr& stream) {
  if (stream->gone) return Next::kDone;
  if (!stream->reader && !begin(*stream)) return Next::kDone;
  for (int i = 0; i < kPiecesATurn; ++i) {
    if (stream->blocked) return Next::kWait;
    const auto piece = stream->reader->next();
    if (!piece) {
      stream->exchange->abort();
      return Next::kDone;
    }
    if (piece->empty()) return at_end(*stream);
    stream->blocked = true;  // before: the loop may say that there is room before write() is back
    const bool room = stream->exchange->write(*piece, [this, stream](http::Exchange&) {
      stream->blocked = false;
      wake();
    });
    if (room) stream->blocked = false;
  }
  return Next::kAgain;
}

// Who follows stays for as long as the replica is there, over restarts that begin a new file.
LogStreams::Next LogStreams::at_end(Stream& stream) {
  const bool follow = stream.query.follow && !stream.query.previous && !stream.reader->complete();
  if (follow) {
    if (auto file = os::open_below(source_.folder, stream.query.file());
        file && stream.reader->go_on_in(std::move(*file)))
      return Next::kAgain;
    if (stream.looks++ % kAskEvery != 0 || is_known(stream.query.replica)) return Next::kWait;
  }
  if (const std::string rest = stream.reader->rest(); !rest.empty()) stream.exchange->write(rest, nullptr);
  stream.exchange->finish();
  return Next::kDone;
}

}  // namespace slipway::api
