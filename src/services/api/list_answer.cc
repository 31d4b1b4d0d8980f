#include "services/api/internal/list_answer.h"

#include "values/domain/definitions.h"

namespace slipway::api {
namespace {

constexpr size_t kPiece = 64 << 10;

class ListStream : public std::enable_shared_from_this<ListStream> {
 public:
  explicit ListStream(ListAnswer answer) : answer_(std::move(answer)), of_(domain::definition(answer_.kind)) {
    if (answer_.view.form == Form::kTable)
      append_table_head(of_, answer_.meta, Columns::kShown, piece_);
    else
      piece_ = fmt::format(R"({{"apiVersion":"{}","kind":"{}","metadata":{},"items":[)", of_.api_version(),
                           of_.list_kind, answer_.meta);
  }

  void respond(http::Exchange& exchange) {
    fill();
    if (next_ == answer_.items.size()) return exchange.respond({.status = 200, .body = piece_});
    exchange.start({.status = 200});
    send(exchange);
  }

 private:
  // Until the piece is full or the list is at its end.
  void fill() {
    for (; next_ < answer_.items.size() && piece_.size() < kPiece; ++next_) {
      if (next_ > 0) piece_ += ',';
      if (answer_.view.form == Form::kTable)
        append_row(of_, *answer_.items[next_], answer_.view.row_object, answer_.now, piece_);
      else
        domain::append_json(*answer_.items[next_], piece_);
      answer_.items[next_].reset();
    }
    if (next_ == answer_.items.size()) piece_ += "]}";
  }

  void send(http::Exchange& exchange) {
    while (true) {
      last_sent_ = next_ == answer_.items.size();
      const bool room = exchange.write(piece_, [self = shared_from_this()](http::Exchange& again) {
        if (!again.cancelled()) self->go_on(again);
      });
      if (!room) return;  // go_on() comes
      if (last_sent_) return exchange.finish();
      piece_.clear();
      fill();
    }
  }

  void go_on(http::Exchange& exchange) {
    if (last_sent_) return exchange.finish();
    piece_.clear();
    fill();
    send(exchange);
  }

  ListAnswer answer_;
  const schema::Definition& of_;
  std::string piece_;
  size_t next_ = 0;
  bool last_sent_ = false;
};

}  // namespace

void respond(http::Exchange& exchange, ListAnswer answer) {
  std::make_shared<ListStream>(std::move(answer))->respond(exchange);
}

}  // namespace slipway::api
