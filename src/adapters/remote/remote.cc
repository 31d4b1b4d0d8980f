#include "adapters/remote/remote.h"

#include <algorithm>
#include <tuple>

#include "adapters/remote/internal/clients.h"
#include "adapters/remote/internal/remote_watch.h"
#include "adapters/remote/internal/translate.h"

namespace slipway::remote {
namespace {

using store::ObjectKey;
using store::ObjectPtr;
using store::Precondition;

constexpr int kAttempts = 8;  // of a write that others' writes overtake

Result<ObjectPtr> to_answer(store::Kind kind, const kube::Reply<kube::Object>& reply) {
  if (!reply) return fail(to_error(reply.error()));
  return to_object(kind, reply->json);
}

Status check_seen(const store::Object& current, const Precondition& seen) {
  if (!seen.uid.empty() && seen.uid != current.meta.uid)
    return fail(Code::kConflict,
                "{}: the uid in the precondition ({}) is not the object's ({}); it was deleted and made anew",
                current.key.str(), seen.uid, current.meta.uid);
  if (seen.resource_version != 0 && seen.resource_version != current.meta.resource_version)
    return fail(Code::kConflict, "{}: changed since version {}; read it again and repeat the change",
                current.key.str(), seen.resource_version);
  return ok();
}

// Reads, and writes on what was read, until no other write comes between; at once where the caller says
// itself what the write is based on.
template <class Attempt>
Result<ObjectPtr> write_on_what_is_there(const store::Store& store, const ObjectKey& key,
                                         const Precondition& seen, Attempt&& attempt) {
  for (int i = 1;; ++i) {
    const auto current = store.get(key);
    if (!current) return current;
    if (Status fits = check_seen(**current, seen); !fits) return fail(fits.error());
    auto written = attempt(*current);
    const bool overtaken = !written && written.error().code == Code::kConflict;
    if (!overtaken || seen.resource_version != 0 || i == kAttempts) return written;
  }
}

Precondition identity(const store::Object& object) { return {object.meta.uid, object.meta.resource_version}; }

auto place(const ObjectPtr& object) { return std::tie(object->key.space, object->key.name); }

// The part that was asked for, of everything.
void cut(const store::ListOptions& options, store::Listing& listing) {
  auto& items = listing.items;
  std::sort(items.begin(), items.end(),
            [](const ObjectPtr& a, const ObjectPtr& b) { return place(a) < place(b); });
  if (!options.after_space.empty() || !options.after_name.empty()) {
    const auto after = std::tie(options.after_space, options.after_name);
    items.erase(items.begin(),
                std::upper_bound(items.begin(), items.end(), after,
                                 [](const auto& a, const ObjectPtr& b) { return a < place(b); }));
  }
  if (options.limit == 0 || items.size() <= options.limit) return;
  listing.remaining = items.size() - options.limit;
  items.resize(options.limit);
}

}  // namespace

Remote::Remote(kube::Access access, const runtime::Clock& clock, Options options)
    : access_(std::move(access)),
      clock_(clock),
      options_(std::move(options)),
      clients_(std::make_unique<Clients>(access_,
                                         kube::ClientOptions{.timeout_ms = options_.timeout_ms,
                                                             .busy_tries = options_.busy_tries,
                                                             .metrics = options_.metrics},
                                         options_.idle_connections)) {}

Remote::~Remote() = default;

std::string Remote::manager_of(const store::Cause& cause) const {
  return options_.field_manager.empty() ? remote::manager_of(cause) : options_.field_manager;
}

void Remote::interrupt() { clients_->interrupt(); }

Result<ObjectPtr> Remote::get(const ObjectKey& key) const {
  return to_answer(key.kind, clients_->take()->get(ref_of(key)));
}

Result<store::Listing> Remote::list(store::Kind kind, const store::ListOptions& options) const {
  kube::ListQuery query{
      .resource = resource_of(kind), .ns = options.space, .label_selector = selector_of(kind)};
  if (options.at != 0) query.at = fmt::format("{}", options.at);
  // Over all namespaces a server's order need not be ours, so its first page is not ours either.
  const bool one_page = options.limit != 0 && !options.space.empty() && options.after_space.empty() &&
                        options.after_name.empty();
  if (one_page) query.page = static_cast<int>(std::min<size_t>(options.limit, 100'000));
  const auto listed = one_page ? clients_->take()->list_page(query, "") : clients_->take()->list(query);
  if (!listed && is_too_new(listed.error())) return fail(Code::kTimeout, "{}", listed.error().error.message);
  if (!listed) return fail(to_error(listed.error()));
  store::Listing out;
  const auto version = to_version(listed->resource_version);
  if (!version) return fail(version.error());
  out.resource_version = *version;
  for (const kube::Object& item : listed->items) {
    auto object = to_object(kind, item.json);
    if (!object) return fail(object.error());
    out.items.push_back(std::move(*object));
  }
  cut(options, out);
  if (one_page && !listed->next.empty())
    out.remaining += std::max<size_t>(static_cast<size_t>(std::max<int64_t>(listed->remaining, 0)), 1);
  return out;
}

Result<std::unique_ptr<store::Watch>> Remote::watch(store::Kind kind, const store::WatchOptions& options) {
  WatchSettings settings{.timeout_ms = options_.timeout_ms,
                         .waiting_events = options_.waiting_events,
                         .longest_wait = options_.longest_wait,
                         .behind_wait = options_.behind_wait,
                         .row = nullptr,
                         .metrics = options_.metrics};
  {
    const runtime::MutexLock lock(mutex_);
    auto& row = rows_[{kind, options.space}];
    if (row == nullptr) row = std::make_shared<kube::RetryRow>();
    settings.row = row;
  }
  return std::make_unique<RemoteWatch>(access_, clock_, kind, options, std::move(settings));
}

Result<ObjectPtr> Remote::create(store::Object object, const store::Cause& cause) {
  object.status.clear();
  const store::Kind kind = object.key.kind;
  const std::string space = object.key.space;
  const std::string body = body_of(std::move(object), {});
  return to_answer(
      kind, clients_->take()->create(resource_of(kind), space, body, {.field_manager = manager_of(cause)}));
}

Result<ObjectPtr> Remote::update(store::Object object, const Precondition& seen, const store::Cause& cause) {
  object.status.clear();
  const ObjectKey key = object.key;
  const auto put = [&](const Precondition& based_on) {
    return to_answer(key.kind, clients_->take()->update(ref_of(key), body_of(object, based_on),
                                                        {.field_manager = manager_of(cause)}));
  };
  if (seen.resource_version != 0) return put(seen);
  return write_on_what_is_there(*this, key, seen,
                                [&](const ObjectPtr& current) { return put(identity(*current)); });
}

Result<ObjectPtr> Remote::update_status(const ObjectKey& key, std::string status, const Precondition& seen,
                                        const store::Cause& cause) {
  const store::Object object{.key = key, .meta = {}, .status = std::move(status)};
  const auto put = [&](const Precondition& based_on) {
    return to_answer(key.kind, clients_->take()->update(ref_of(key), body_of(object, based_on),
                                                        {.field_manager = manager_of(cause),
                                                         .subresource = kube::Subresource::kStatus}));
  };
  if (seen.resource_version != 0) return put(seen);
  return write_on_what_is_there(*this, key, seen,
                                [&](const ObjectPtr& current) { return put(identity(*current)); });
}

Result<ObjectPtr> Remote::remove(const ObjectKey& key, const Precondition& seen, const store::Cause&) {
  // Named as it was read: what is given back is what was removed, to the last change.
  return write_on_what_is_there(*this, key, seen, [&](const ObjectPtr& current) -> Result<ObjectPtr> {
    const auto removed = clients_->take()->remove(
        ref_of(key),
        {.uid = current->meta.uid, .resource_version = fmt::format("{}", current->meta.resource_version)});
    if (!removed) return fail(to_error(removed.error()));
    return current;
  });
}

}  // namespace slipway::remote
