#include "services/server/predictor.h"

#include "system/http/router.h"

namespace slipway::server {
namespace {

constexpr size_t kKeptText = 1 << 20;  // of a thread's answer buffer between requests

int64_t rows_of(const protocol::OipRequest& request) {
  if (request.inputs.empty() || request.inputs[0].shape.rank() == 0) return 1;
  return request.inputs[0].shape[0];
}

// Each thread writes its answers into one buffer that keeps its room.
std::string& answer_buffer() {
  static thread_local std::string buffer;
  buffer.clear();
  if (buffer.capacity() > kKeptText) buffer.shrink_to_fit();
  return buffer;
}

}  // namespace

// What a run needs, in the request's own memory.
struct Predictor::Job {
  http::Exchange* exchange;
  const LoadedModel* model;
  protocol::OipRequest request;
  TimePoint parsed;
};

telemetry::Counter& refused(telemetry::Registry& registry, std::string_view reason) {
  return registry.counter("slipway_server_refused",
                          "Inference requests that were refused before they ran, by reason.",
                          {{"reason", std::string(reason)}});
}

Predictor::Predictor(PredictOptions options, runtime::Executor& executor, telemetry::Registry& registry,
                     const runtime::Clock& clock)
    : options_(options),
      executor_(executor),
      clock_(clock),
      queue_full_(refused(registry, "queue_full")),
      expired_(refused(registry, "expired")),
      out_of_memory_(refused(registry, "memory")) {}

void Predictor::note_arrival(TimePoint received) {
  constexpr int64_t kMillisecond = 1'000'000;
  const int64_t now = received.time_since_epoch().count();
  // Looked at before it is written, so that busy loops do not pass one cache line around for every request.
  if (now - last_arrival_.load(std::memory_order_relaxed) >= kMillisecond)
    last_arrival_.store(now, std::memory_order_relaxed);
}

void Predictor::infer(http::Exchange& exchange, const LoadedModel& model) {
  arrived_.add();
  note_arrival(exchange.received());
  exchange.read_all(options_.body_bytes, [this, &model](http::Exchange& from, Result<std::string_view> body) {
    if (!body) return answer_error(from, model, body.error());
    if (body->size() <= options_.inline_body_bytes) return take_body(from, model, *body, Where::kLoop);
    hand_over(from, model,
              [this, &from, &model, body = *body] { take_body(from, model, body, Where::kWorker); });
  });
}

void Predictor::take_body(http::Exchange& exchange, const LoadedModel& model, std::string_view body,
                          Where where) {
  const TimePoint arrived = clock_.now();
  const auto request =
      protocol::parse_oip_request(body, model.model->signature(), exchange.arena(), options_.limits);
  if (!request) return answer_error(exchange, model, request.error());
  Job job{.exchange = &exchange, .model = &model, .request = *request, .parsed = clock_.now()};
  model.metrics->parse.observe(job.parsed - arrived);
  if (where == Where::kWorker) return run(job);
  const auto predicted = model.cost.predict(rows_of(*request));
  if (predicted && *predicted <= options_.inline_time) return run(job);
  hand_over(exchange, model, [this, job] { run(job); });
}

// Calls `work` on a worker with the exchange held, unless its caller has gone or has waited too long by then.
void Predictor::hand_over(http::Exchange& exchange, const LoadedModel& model, std::function<void()> work) {
  const bool taken = executor_.submit([this, &model, work = std::move(work), queued = clock_.now(),
                                       held = exchange.shared_from_this()] {
    const TimePoint now = clock_.now();
    model.metrics->queue.observe(now - queued);
    if (held->cancelled()) {
      answered_.add();
      return;
    }
    if (now >= held->received() + options_.run_time) {
      expired_.add();
      return answer_error(*held, model, {Code::kTimeout, "waited too long for a worker; try again later"});
    }
    work();
  });
  if (taken) return;
  queue_full_.add();
  answer_error(exchange, model,
               {Code::kUnavailable, "too many requests are waiting for this server; try again later"});
}

void Predictor::run(const Job& job) {
  const LoadedModel& model = *job.model;
  base::Arena& arena = job.exchange->arena();
  const auto outputs = arena.make<backend::OutputSlot>(job.request.outputs.size());
  if (outputs.size() != job.request.outputs.size())
    return answer_error(*job.exchange, model,
                        {Code::kExhausted, "no memory left for the answer; try again later"});
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].index = job.request.outputs[i];
  const TimePoint start = clock_.now();
  const Status ran =
      model.model->run(job.request.inputs, outputs,
                       {.arena = arena, .deadline = job.exchange->received() + options_.run_time});
  const TimePoint end = clock_.now();
  if (!ran) return answer_error(*job.exchange, model, ran.error());
  model.metrics->run.observe(end - start);
  model.cost.learn(rows_of(job.request), end - start);
  answer(job, outputs);
  model.metrics->write.observe(clock_.now() - end);
}

void Predictor::answer(const Job& job, std::span<backend::OutputSlot> outputs) {
  const LoadedModel& model = *job.model;
  http::Exchange& exchange = *job.exchange;
  const auto named = exchange.arena().make<tensor::NamedTensor>(outputs.size());
  if (named.size() != outputs.size())
    return answer_error(exchange, model,
                        {Code::kExhausted, "no memory left for the answer; try again later"});
  for (size_t i = 0; i < outputs.size(); ++i)
    named[i] = {model.model->signature().outputs[outputs[i].index].name, outputs[i].tensor};
  std::string& body = answer_buffer();
  protocol::append_oip_answer({.model = model.name,
                               .version = model.version_text,
                               .revision = model.revision,
                               .id = job.request.id.empty() ? exchange.request_id() : job.request.id,
                               .outputs = named},
                              body);
  const base::Header revision{"slipway-revision", model.revision_header};
  model.metrics->requests(200).add();
  answered_.add();
  exchange.respond({.headers = std::span(&revision, 1), .body = body});
}

void Predictor::answer_error(http::Exchange& exchange, const LoadedModel& model, const Error& error) {
  model.metrics->requests(http::status_of(error.code)).add();
  if (error.code == Code::kExhausted) out_of_memory_.add();
  answered_.add();
  http::respond_error(exchange, error, {"slipway-revision", model.revision_header});
}

}  // namespace slipway::server
