// What each verb does to the resources of a kind.
#pragma once

#include "services/api/api.h"
#include "services/api/internal/admission.h"
#include "services/api/internal/watch_streams.h"

namespace slipway::api {

// A request whose route and caller are known. Copied into tasks.
struct Call {
  Target target;
  domain::Actor actor;
  enum class Sub : uint8_t { kNone, kStatus, kScale } sub = Sub::kNone;
};

class Resources {
 public:
  // `observed`: whether what runs has been seen since the start.
  Resources(const Options& options, store::Store& store, runtime::Executor& executor, WatchStreams& watches,
            const std::atomic<bool>& observed)
      : options_(options), store_(store), executor_(executor), watches_(watches), observed_(observed) {}

  // Answered on the loop.
  void get(http::Exchange& exchange, const Call& call) const;
  void list_or_watch(http::Exchange& exchange, const Call& call) const;
  // Answered from the executor.
  void create(http::Exchange& exchange, const Call& call) const;
  void replace(http::Exchange& exchange, const Call& call) const;
  void patch(http::Exchange& exchange, const Call& call) const;
  void remove(http::Exchange& exchange, const Call& call) const;
  void remove_all(http::Exchange& exchange, const Call& call) const;

 private:
  using Task = std::function<void(http::Exchange&, std::string_view body)>;
  void with_body(http::Exchange& exchange, Task task) const;
  void list(http::Exchange& exchange, const Call& call, const ListQuery& query, const View& view,
            const Filter& filter) const;
  void watch(http::Exchange& exchange, const Call& call, const ListQuery& query, const View& view,
             Filter filter) const;

  void create_now(http::Exchange& exchange, const Call& call, const WriteQuery& query,
                  std::string_view body) const;
  void replace_now(http::Exchange& exchange, const Call& call, const WriteQuery& query,
                   std::string_view body) const;
  void patch_now(http::Exchange& exchange, const Call& call, const WriteQuery& query,
                 std::string_view body) const;
  void remove_now(http::Exchange& exchange, const Call& call, std::string_view body) const;

  // Stores what a PUT or PATCH made of `current`.
  struct Change {
    domain::ObjectPtr current;
    Decoded decoded;
    WriteQuery query;
  };
  struct Stored {
    domain::ObjectPtr object;
    std::vector<std::string> warnings;
  };
  tl::expected<Stored, Failure> store_change(const Call& call, Change change,
                                             std::string_view request_id) const;
  json::Document shown(const Call& call, const domain::Object& object) const;
  std::string shown_text(const Call& call, const domain::Object& object) const;
  store::Cause cause(const Call& call, const WriteQuery& query, std::string_view request_id) const;

  const Options& options_;
  store::Store& store_;
  runtime::Executor& executor_;
  WatchStreams& watches_;
  const std::atomic<bool>& observed_;
};

}  // namespace slipway::api
