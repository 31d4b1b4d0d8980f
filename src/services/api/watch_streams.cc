#include "services/api/internal/watch_streams.h"

#include <algorithm>

#include "values/domain/definitions.h"

namespace slipway::api {

// Everything but the constructor and end_soon() happens on the exchange's loop.
class WatchStreams::Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(WatchStreams& streams, http::Exchange& exchange, std::unique_ptr<store::Watch> watch,
         StreamOptions options)
      : streams_(streams),
        exchange_(exchange.shared_from_this()),
        watch_(std::move(watch)),
        options_(std::move(options)) {}

  void begin() {
    exchange_->on_cancel([self = weak_from_this()] {
      if (const auto stream = self.lock()) stream->finish();
    });
    // From the writer's thread: only a task for the loop.
    watch_->on_ready([self = weak_from_this(), exchange = exchange_] {
      exchange->post([self] {
        if (const auto stream = self.lock()) stream->pump();
      });
    });
    exchange_->start({.status = 200});
    pump();
  }

  void tick(TimePoint now, bool bookmark_due) {
    exchange_->post([self = shared_from_this(), now, bookmark_due] {
      if (self->done_) return;
      if (now >= self->options_.end) return self->end();
      if (!bookmark_due || !self->options_.bookmarks) return;
      self->pump();  // only so the watch learns how far other kinds' changes have moved the version
      if (self->idle_) self->send_bookmark(false);
    });
  }

  void end_soon() {
    exchange_->post([self = shared_from_this()] { self->end(); });
  }

 private:
  void pump() {
    idle_ = false;
    while (!done_ && !blocked_) {
      auto event = watch_->try_next();
      if (!event) return end_with(event.error());
      if (!*event) {
        idle_ = true;
        return;
      }
      show(**event);
    }
  }

  void show(const store::Event& event) {
    if (event.change == store::Change::kListed) {
      if (options_.mark_end_of_list) send_bookmark(true);
      return;
    }
    const bool now = event.change != store::Change::kDeleted && options_.filter.matches(*event.object);
    const bool before = event.change == store::Change::kDeleted ? options_.filter.matches(*event.object)
                        : event.change == store::Change::kAdded
                            ? false
                            : event.before == nullptr || options_.filter.matches(*event.before);
    if (!now && !before) return;
    const std::string_view type = !now ? "DELETED" : before ? "MODIFIED" : "ADDED";
    send(*line(type, event));
  }

  LineCache::Line line(std::string_view type, const store::Event& event) {
    const View& view = options_.view;
    const WallTime now = streams_.clock_.wall();
    const int64_t second = view.form == Form::kTable ? now.time_since_epoch() / std::chrono::seconds(1) : 0;
    const LineCache::Key key{options_.kind, type, event.resource_version, view.form, view.row_object, second};
    const bool first_table = view.form == Form::kTable && std::exchange(columns_due_, false);
    if (!first_table)
      if (LineCache::Line known = streams_.lines_.find(key)) return known;
    const schema::Definition& of = domain::definition(options_.kind);
    std::string text = fmt::format(R"({{"type":"{}","object":)", type);
    const domain::Object object = shown(type, event);
    if (view.form == Form::kObject) {
      domain::append_json(object, text);
    } else {
      append_table_head(of, fmt::format(R"({{"resourceVersion":"{}"}})", event.resource_version),
                        first_table ? Columns::kShown : Columns::kLeftOut, text);
      append_row(of, object, view.row_object, now, text);
      text += "]}";
    }
    text += "}\n";
    auto made = std::make_shared<const std::string>(std::move(text));
    if (!first_table) streams_.lines_.keep(key, made);
    return made;
  }

  // Who leaves a selection is shown as it was when it last belonged to it, with the version of its leaving.
  static domain::Object shown(std::string_view type, const store::Event& event) {
    if (type != "DELETED" || event.change == store::Change::kDeleted || event.before == nullptr)
      return *event.object;
    domain::Object out = *event.before;
    out.meta.resource_version = event.resource_version;
    return out;
  }

  void send_bookmark(bool end_of_list) {
    const schema::Definition& of = domain::definition(options_.kind);
    const std::string meta =
        fmt::format(R"({{"resourceVersion":"{}"{}}})", watch_->resource_version(),
                    end_of_list ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : "");
    std::string text = R"({"type":"BOOKMARK","object":)";
    if (options_.view.form == Form::kTable) {
      append_table_head(of, meta, Columns::kLeftOut, text);
      text += "]}";
    } else {
      text +=
          fmt::format(R"({{"kind":"{}","apiVersion":"{}","metadata":{}}})", of.kind, of.api_version(), meta);
    }
    send(text + "}\n");
  }

  void send(std::string_view text) {
    if (exchange_->write(text, [self = shared_from_this()](http::Exchange&) {
          self->blocked_ = false;
          self->pump();
        }))
      return;
    blocked_ = true;
  }

  void end_with(const Error& error) {
    const Failure failure =
        error.code == Code::kNotFound
            ? expired(error.message)
            : Failure{
                  .code = 503, .reason = "ServiceUnavailable", .message = error.message, .retry_after = 1};
    exchange_->write(fmt::format("{{\"type\":\"ERROR\",\"object\":{}}}\n", to_json(failure)), nullptr);
    end();
  }

  void end() {
    if (done_) return;
    const auto kept = shared_from_this();
    finish();  // first: who reads the end finds that the watch is gone
    exchange_->finish();
  }

  void finish() {
    if (std::exchange(done_, true)) return;
    watch_.reset();
    streams_.forget(shared_from_this());
  }

  WatchStreams& streams_;
  const http::ExchangePtr exchange_;
  std::unique_ptr<store::Watch> watch_;
  const StreamOptions options_;
  bool columns_due_ = true, blocked_ = false, idle_ = false, done_ = false;
};

LineCache::Line LineCache::find(const Key& key) const {
  const runtime::MutexLock lock(mutex_);
  for (const auto& [each, line] : lines_)
    if (each == key) return line;
  return nullptr;
}

void LineCache::keep(const Key& key, Line line) {
  const runtime::MutexLock lock(mutex_);
  lines_.emplace_front(key, std::move(line));
  if (lines_.size() > kKept) lines_.pop_back();
}

bool WatchStreams::open(http::Exchange& exchange, std::unique_ptr<store::Watch> watch,
                        StreamOptions options) {
  const auto stream = std::make_shared<Stream>(*this, exchange, std::move(watch), std::move(options));
  {
    const runtime::MutexLock lock(mutex_);
    if (open_.size() >= options_.watches) return false;
    open_.insert(stream);
  }
  stream->begin();
  return true;
}

void WatchStreams::step(TimePoint now) {
  std::vector<std::shared_ptr<Stream>> streams;
  bool bookmarks = false;
  {
    const runtime::MutexLock lock(mutex_);
    streams.assign(open_.begin(), open_.end());
    bookmarks = now >= bookmarks_due_;
    if (bookmarks) bookmarks_due_ = now + options_.bookmark_every;
  }
  for (const auto& stream : streams) stream->tick(now, bookmarks);
}

void WatchStreams::stop() {
  std::set<std::shared_ptr<Stream>> streams;
  {
    const runtime::MutexLock lock(mutex_);
    streams = open_;
  }
  for (const auto& stream : streams) stream->end_soon();
}

size_t WatchStreams::size() const {
  const runtime::MutexLock lock(mutex_);
  return open_.size();
}

void WatchStreams::forget(const std::shared_ptr<Stream>& stream) {
  const runtime::MutexLock lock(mutex_);
  open_.erase(stream);
}

}  // namespace slipway::api
