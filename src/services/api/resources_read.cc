#include <nlohmann/json.hpp>

#include "services/api/internal/list_answer.h"
#include "services/api/internal/resources.h"
#include "services/api/internal/scale.h"
#include "values/domain/definitions.h"
#include "values/json/writer.h"

namespace slipway::api {
namespace {

std::string list_meta(const store::Listing& listing, bool filtered) {
  std::string out;
  json::Writer(out).object([&](json::Writer& meta) {
    if (listing.remaining > 0 && !listing.items.empty()) {
      const domain::ObjectKey& last = listing.items.back()->key;
      meta.key("continue").value(to_token({listing.resource_version, last.space, last.name}));
      if (!filtered) meta.key("remainingItemCount").value(listing.remaining);
    }
    meta.key("resourceVersion").value(fmt::format("{}", listing.resource_version));
  });
  return out;
}

// The page's options for the store; a filter takes its page after filtering.
store::ListOptions to_options(const Call& call, const ListQuery& query) {
  store::ListOptions out{.space = call.target.space};
  if (query.from) {
    out.after_space = query.from->space;
    out.after_name = query.from->name;
    out.at = query.from->version;
  } else if (query.match == VersionMatch::kExact && query.version) {
    out.at = *query.version;
  }
  return out;
}

}  // namespace

json::Document Resources::shown(const Call& call, const domain::Object& object) const {
  if (call.sub == Call::Sub::kScale) return to_scale(object);
  auto document = json::parse_document(domain::to_json(object), {.bytes = 16 << 20});
  return document ? std::move(*document) : json::Document();
}

std::string Resources::shown_text(const Call& call, const domain::Object& object) const {
  return call.sub == Call::Sub::kScale ? json::canonical(to_scale(object)) : domain::to_json(object);
}

void Resources::get(http::Exchange& exchange, const Call& call) const {
  const schema::Definition& of = domain::definition(call.target.kind);
  const auto parameters = Parameters::parse(exchange.head().query);
  if (!parameters) return respond(exchange, bad_request(parameters.error().message));
  const auto view = choose_view(exchange.head().find("accept"), parameters->get("includeObject"));
  if (!view) return respond(exchange, not_acceptable());
  const auto found = store_.get({call.target.kind, call.target.space, call.target.name});
  if (!found) return respond(exchange, from_error(found.error(), of, call.target.name));
  if (call.sub == Call::Sub::kScale) return respond_json(exchange, 200, shown_text(call, **found));
  respond_json(exchange, 200, encode(of, **found, *view, watches_.clock().wall()));
}

void Resources::list_or_watch(http::Exchange& exchange, const Call& call) const {
  const auto parameters = Parameters::parse(exchange.head().query);
  if (!parameters) return respond(exchange, bad_request(parameters.error().message));
  const auto view = choose_view(exchange.head().find("accept"), parameters->get("includeObject"));
  if (!view) return respond(exchange, not_acceptable());
  auto query = parse_list_query(*parameters);
  if (!query) return respond(exchange, query.error());
  auto filter = Filter::make(call.target.kind, query->labels, query->fields);
  if (!filter) return respond(exchange, filter.error());
  // An empty list must never mean "not looked yet": whoever routes by it would send nobody anywhere.
  if (call.target.kind == domain::Kind::kEndpointSlice && !observed_)
    return respond(exchange, not_observed(domain::definition(call.target.kind)));
  if (query->watch) return watch(exchange, call, *query, *view, std::move(*filter));
  list(exchange, call, *query, *view, *filter);
}

void Resources::list(http::Exchange& exchange, const Call& call, const ListQuery& query, const View& view,
                     const Filter& filter) const {
  const schema::Definition& of = domain::definition(call.target.kind);
  store::ListOptions options = to_options(call, query);
  if (filter.everything()) options.limit = query.limit;
  auto listing = store_.list(call.target.kind, options);
  if (!listing && listing.error().code == Code::kNotFound)
    return respond(
        exchange,
        expired(query.from ? "The provided continue parameter is too old to display a consistent list "
                             "result. You must start a new list without the continue parameter."
                           : listing.error().message));
  if (!listing) return respond(exchange, from_error(listing.error(), of, ""));
  if (!query.from && query.match != VersionMatch::kExact &&
      query.version.value_or(0) > listing->resource_version)
    return respond(exchange,
                   from_error({Code::kTimeout, fmt::format("Too large resource version: {}, current: {}",
                                                           *query.version, listing->resource_version)},
                              of, ""));
  if (!filter.everything()) {
    std::erase_if(listing->items, [&](const domain::ObjectPtr& item) { return !filter.matches(*item); });
    if (query.limit != 0 && listing->items.size() > query.limit) {
      listing->remaining = listing->items.size() - query.limit;
      listing->items.resize(query.limit);
    }
  }
  std::string meta = list_meta(*listing, !filter.everything());
  respond(exchange, ListAnswer{.kind = call.target.kind,
                               .view = view,
                               .items = std::move(listing->items),
                               .meta = std::move(meta),
                               .now = watches_.clock().wall()});
}

void Resources::watch(http::Exchange& exchange, const Call& call, const ListQuery& query, const View& view,
                      Filter filter) const {
  const schema::Definition& of = domain::definition(call.target.kind);
  store::WatchOptions options{.space = call.target.space, .after = {}};
  if (query.version.value_or(0) != 0 && !query.initial_events.value_or(false)) options.after = query.version;
  auto watch = store_.watch(call.target.kind, options);
  if (!watch && watch.error().code == Code::kNotFound) {
    exchange.start({.status = 200});
    exchange.write(
        fmt::format("{{\"type\":\"ERROR\",\"object\":{}}}\n", to_json(expired(watch.error().message))),
        nullptr);
    return exchange.finish();
  }
  if (!watch) return respond(exchange, from_error(watch.error(), of, ""));
  // Without a time-out of the client's own, watches end at different times: a thousand clients do not come
  // back at once.
  const TimePoint now = watches_.clock().now();
  const Duration own =
      options_.watch_limit +
      options_.watch_limit * static_cast<int64_t>(now.time_since_epoch().count() % 1000) / 1000;
  const Duration limit =
      query.timeout_seconds.value_or(0) > 0 ? Duration(std::chrono::seconds(*query.timeout_seconds)) : own;
  const bool opened =
      watches_.open(exchange, std::move(*watch),
                    {.kind = call.target.kind,
                     .view = view,
                     .filter = std::move(filter),
                     .bookmarks = query.bookmarks,
                     .mark_end_of_list = query.initial_events.value_or(false) && query.bookmarks,
                     .end = now + limit});
  if (!opened)
    respond(exchange, {.code = 429,
                       .reason = "TooManyRequests",
                       .message = "too many watches are open; try again later",
                       .retry_after = 5});
}

}  // namespace slipway::api
