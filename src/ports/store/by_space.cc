#include "ports/store/by_space.h"

namespace slipway::store {

// What one namespace is told of one kind. Nothing before the whole list has come: an empty one would mean
// that there is nothing.
class BySpace::Part final : public Watch {
 public:
  Part(Source& source, std::string space) : source_(source), space_(std::move(space)) {
    source_.parts.insert(this);
    if (source_.listed) begin();
  }
  ~Part() override { source_.parts.erase(this); }

  Result<std::optional<Event>> try_next() override {
    if (queue_.empty() && ended_) return fail(*ended_);
    if (queue_.empty()) return std::optional<Event>();
    Event event = std::move(queue_.front());
    queue_.pop_front();
    return std::optional(std::move(event));
  }
  // Whoever pumps is who asks: there is nothing to wait for.
  Result<std::optional<Event>> next(Duration) override { return try_next(); }
  void on_ready(std::function<void()>) override {}
  uint64_t resource_version() const override { return source_.version; }
  bool lost() const override { return !source_.watch || source_.watch->lost(); }

  const std::string& space() const { return space_; }
  void begin() {
    begun_ = true;
    for (const auto& [name, object] : source_.objects[space_])
      queue_.push_back(
          {.object = object, .before = nullptr, .resource_version = object->meta.resource_version});
    queue_.push_back({.change = Change::kListed,
                      .object = nullptr,
                      .before = nullptr,
                      .resource_version = source_.version});
  }
  void put(const Event& event) {
    if (begun_) queue_.push_back(event);
  }
  void end(const Error& why) { ended_ = why; }

 private:
  Source& source_;
  const std::string space_;
  std::deque<Event> queue_;
  std::optional<Error> ended_;
  bool begun_ = false;
};

BySpace::BySpace(Store& below, std::vector<Kind> kinds, std::function<void()> wake)
    : below_(below), wake_(std::move(wake)) {
  for (const Kind kind : kinds) sources_[kind];
}

BySpace::~BySpace() = default;

Result<std::unique_ptr<Watch>> BySpace::watch(Kind kind, const WatchOptions& options) {
  const auto source = sources_.find(kind);
  if (source == sources_.end() || options.space.empty() || options.after) return below_.watch(kind, options);
  return std::make_unique<Part>(source->second, options.space);
}

bool BySpace::synced() const {
  for (const auto& [kind, source] : sources_)
    if (!source.synced) return false;
  return true;
}

std::set<std::string> BySpace::spaces(Kind kind) const {
  std::set<std::string> out;
  const auto source = sources_.find(kind);
  if (source == sources_.end()) return out;
  for (const auto& [space, objects] : source->second.objects)
    if (!objects.empty()) out.insert(space);
  return out;
}

std::set<std::string> BySpace::pump() {
  std::set<std::string> news;
  for (auto& [kind, source] : sources_) pump(kind, source, news);
  return news;
}

void BySpace::pump(Kind kind, Source& source, std::set<std::string>& news) {
  if (!source.watch) {
    auto opened = below_.watch(kind, {.space = {}, .after = {}});
    if (!opened) return;
    source.watch = std::move(*opened);
    source.watch->on_ready(wake_);
  }
  while (true) {
    const auto event = source.watch->try_next();
    if (!event) return restart(source, event.error());
    if (!*event) return;
    take(source, **event, news);
  }
}

void BySpace::take(Source& source, const Event& event, std::set<std::string>& news) {
  source.version = std::max(source.version, event.resource_version);
  if (event.change == Change::kListed) {
    source.listed = source.synced = true;
    for (Part* part : source.parts) {
      part->begin();
      news.insert(part->space());
    }
    return;
  }
  const ObjectKey& key = event.object->key;
  auto& objects = source.objects[key.space];
  if (event.change == Change::kDeleted)
    objects.erase(key.name);
  else
    objects[key.name] = event.object;
  news.insert(key.space);
  if (!source.listed) return;
  for (Part* part : source.parts)
    if (part->space() == key.space) part->put(event);
}

// Each watch of a namespace is opened again by its owner, and begins when the whole list has come anew.
void BySpace::restart(Source& source, const Error& why) {
  source.watch.reset();
  source.listed = false;
  source.objects.clear();
  for (Part* part : source.parts) part->end(why);
}

}  // namespace slipway::store
