#include "services/api/api.h"

#include "services/api/internal/discovery.h"
#include "services/api/internal/replicas.h"
#include "services/api/internal/resources.h"
#include "values/domain/definitions.h"

namespace slipway::api {
namespace {

using base::Method;
using Verb = void (Resources::*)(http::Exchange&, const Call&) const;

Failure refused(const Refusal& refusal) {
  return {.code = refusal.status,
          .reason = refusal.status == 401 ? "Unauthorized" : "Forbidden",
          .message = refusal.message};
}

// What the table is made of: each row names its permission, and no handler is reached but through it.
struct Builder {
  std::vector<Api::RouteRow>& rows;
  std::vector<http::Route>& routes;
  std::shared_ptr<const Authorize> authorize;

  void add(Method method, std::string pattern, std::string permission,
           std::function<void(http::Exchange&, const http::PathParameters&, const domain::Actor&)> handler) {
    rows.push_back({method, pattern, permission});
    auto guarded = [ask = authorize, permission, handler = std::move(handler)](
                       http::Exchange& exchange, const http::PathParameters& parameters) {
      const Verdict verdict = (*ask)(exchange.head(), permission);
      if (verdict.refusal.status != 0) return respond(exchange, refused(verdict.refusal));
      handler(exchange, parameters, verdict.actor);
    };
    routes.push_back(
        {.method = method, .pattern = std::move(pattern), .permission = "", .handler = std::move(guarded)});
  }
};

void add_documents(Builder& builder, const Options& options) {
  for (auto& [path, text] : discovery_documents(options.version, options.limits))
    builder.add(Method::kGet, path, "discovery.read",
                [body = std::make_shared<const std::string>(std::move(text))](
                    http::Exchange& exchange, const http::PathParameters&, const domain::Actor&) {
                  respond_json(exchange, 200, *body);
                });
}

void add_replicas(Builder& builder, const std::shared_ptr<Replicas>& replicas) {
  const std::string all = "/api/v1/namespaces/{namespace}/pods", one = all + "/{name}";
  using To = const http::PathParameters&;
  const auto text = [](std::string_view parameter) { return std::string(parameter); };
  builder.add(Method::kGet, "/api/v1/pods", "pods.list",
              [=](http::Exchange& exchange, To, const domain::Actor&) { replicas->list(exchange, ""); });
  builder.add(Method::kGet, all, "pods.list", [=](http::Exchange& exchange, To to, const domain::Actor&) {
    replicas->list(exchange, text(to[0]));
  });
  builder.add(Method::kGet, one, "pods.get", [=](http::Exchange& exchange, To to, const domain::Actor&) {
    replicas->get(exchange, text(to[0]), text(to[1]));
  });
  builder.add(Method::kGet, one + "/log", "pods.log",
              [=](http::Exchange& exchange, To to, const domain::Actor&) {
                replicas->log(exchange, text(to[0]), text(to[1]));
              });
}

class KindRoutes {
 public:
  KindRoutes(Builder& builder, std::shared_ptr<const Resources> resources, domain::Kind kind)
      : builder_(builder), resources_(std::move(resources)), kind_(kind), of_(domain::definition(kind)) {}

  void add() {
    const std::string root = of_.group.empty() ? "/api/" + of_.version : "/apis/" + of_.api_version();
    const std::string all = root + "/namespaces/{namespace}/" + of_.plural, one = all + "/{name}";
    row(Method::kGet, root + "/" + of_.plural, "list", &Resources::list_or_watch);
    row(Method::kGet, all, "list", &Resources::list_or_watch);
    row(Method::kPost, all, "create", &Resources::create);
    row(Method::kDelete, all, "delete", &Resources::remove_all);
    row(Method::kGet, one, "get", &Resources::get);
    row(Method::kPut, one, "update", &Resources::replace);
    row(Method::kPatch, one, "update", &Resources::patch);
    row(Method::kDelete, one, "delete", &Resources::remove);
    if (of_.has_status) sub(one, "status", Call::Sub::kStatus);
    if (of_.has_scale) sub(one, "scale", Call::Sub::kScale);
  }

 private:
  void sub(const std::string& one, const std::string& name, Call::Sub which) {
    row(Method::kGet, one + "/" + name, "get", &Resources::get, which);
    row(Method::kPut, one + "/" + name, "update-" + name, &Resources::replace, which);
    row(Method::kPatch, one + "/" + name, "update-" + name, &Resources::patch, which);
  }

  void row(Method method, const std::string& pattern, const std::string& verb, Verb handler,
           Call::Sub which = Call::Sub::kNone) {
    builder_.add(
        method, pattern, of_.plural + "." + verb,
        [resources = resources_, kind = kind_, handler, which](
            http::Exchange& exchange, const http::PathParameters& parameters, const domain::Actor& actor) {
          const Call call{
              .target = {.kind = kind,
                         .space = std::string(parameters[0]),
                         .name = std::string(parameters[1]),
                         .part = which == Call::Sub::kStatus ? Target::Part::kStatus : Target::Part::kWhole},
              .actor = actor,
              .sub = which};
          (resources.get()->*handler)(exchange, call);
        });
  }

  Builder& builder_;
  std::shared_ptr<const Resources> resources_;
  domain::Kind kind_;
  const schema::Definition& of_;
};

}  // namespace

Api::Api(Options options, store::Store& store, runtime::Executor& executor, const runtime::Clock& clock,
         Authorize authorize)
    : observed_(options.observed),
      watches_(std::make_unique<WatchStreams>(options, clock)),
      replicas_(std::make_shared<Replicas>(options.logs, clock, observed_)) {
  std::vector<http::Route> routes;
  const auto ask = std::make_shared<const Authorize>(std::move(authorize));
  Builder builder{rows_, routes, ask};
  const auto resources =
      std::make_shared<const Resources>(watches_->options(), store, executor, *watches_, observed_);
  add_documents(builder, options);
  for (const char* path : {"/livez", "/readyz", "/healthz"})
    builder.add(Method::kGet, path, "health.read",
                [](http::Exchange& exchange, const http::PathParameters&, const domain::Actor&) {
                  exchange.respond({.content_type = "text/plain", .body = "ok"});
                });
  // Of a kind that version 3 does not know, kubectl asks version 2, in protobuf: an OpenAPI document of
  // nothing but its version lets it go on to say that there is no such kind.
  builder.add(
      Method::kGet, "/openapi/v2", "discovery.read",
      [](http::Exchange& exchange, const http::PathParameters&, const domain::Actor&) {
        exchange.respond({.content_type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
                          .body = "\x0A\x03"
                                  "2.0"});
      });
  for (const domain::KindInfo& kind : domain::kinds()) KindRoutes(builder, resources, kind.kind).add();
  add_replicas(builder, replicas_);
  router_ = std::make_unique<http::Router>(std::move(routes), [ask](http::Exchange& exchange, int status,
                                                                    std::string_view allowed) {
    // Strangers learn nothing of which paths there are.
    const Verdict verdict = (*ask)(exchange.head(), "");
    if (verdict.refusal.status != 0) return respond(exchange, refused(verdict.refusal));
    if (status == 405) {
      const base::Header allow{"allow", allowed};
      return exchange.respond(
          {.status = 405,
           .headers = std::span(&allow, 1),
           .body =
               to_json({.code = 405,
                        .reason = "MethodNotAllowed",
                        .message = fmt::format(
                            "the server does not allow this method on the requested resource; it takes {}",
                            allowed)})});
    }
    respond(exchange, Failure{.code = status,
                              .reason = status == 404 ? "NotFound" : "BadRequest",
                              .message = status == 404 ? "the server could not find the requested resource"
                                                       : "the path is malformed"});
  });
}

Api::~Api() = default;

void Api::step(TimePoint now) { watches_->step(now); }
void Api::stop() {
  watches_->stop();
  replicas_->stop();
}
size_t Api::open_watches() const { return watches_->size(); }

}  // namespace slipway::api
