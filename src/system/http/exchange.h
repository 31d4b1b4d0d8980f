// One request and its answer, whatever protocol carries it. A handler sees an Exchange and never a
// connection, so HTTP/2, gRPC and streaming come without touching it.
//
// Life: an Exchange is shared (`ExchangePtr`): the connection holds one reference until the answer is
// complete or the peer has gone, a handler that answers later holds another. After the peer has gone,
// answering is allowed and does nothing.
//
// Threads: handlers are called on the connection's loop thread. respond(), start(), write(), finish() and
// cancelled() may be called from any one thread at a time; head(), arena() and body bytes are the handler's
// until the answer is complete. Callbacks run on the loop thread.
//
// Body: nothing is read until asked for. read_all() hands over the whole body when it is there: at once,
// without copying, when it arrived together with the head. read() hands over one piece, and is called again
// for the next: the peer is not read from in between (back-pressure). `Expect: 100-continue` is answered at
// the first read. An unread body is drained up to a limit after the answer, else the connection is closed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "values/base/arena.h"
#include "values/base/head.h"
#include "values/base/result.h"
#include "values/base/time.h"

namespace slipway::runtime {
class EventLoop;
}

namespace slipway::http {

class Exchange;
using ExchangePtr = std::shared_ptr<Exchange>;

// A whole answer. Views must live until respond() returns: it writes or copies them before that.
struct Answer {
  int status = 200;
  std::string_view content_type = "application/json";
  std::span<const base::Header> headers;  // content-length, date and connection are the carrier's
  std::string_view body;
  // Where `body` is not the whole: of an answer in pieces, which must then come to exactly that, or of one to
  // HEAD.
  std::optional<uint64_t> length = std::nullopt;
};

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  virtual ~Exchange() = default;

  virtual const base::RequestHead& head() const = 0;
  virtual base::Arena& arena() = 0;
  virtual TimePoint received() const = 0;  // when the head was complete
  virtual std::string_view request_id()
      const = 0;  // accepted from the caller, or made; sent back on every answer

  // The whole body, ≤ limit bytes. kTooLarge (nothing is read then), kTimeout (the sender was too slow),
  // kUnavailable (the peer went away), kExhausted (the process-wide budget is spent).
  using WholeBody = std::function<void(Exchange&, Result<std::string_view>)>;
  virtual void read_all(size_t limit, WholeBody then) = 0;

  // One piece; `last` with the final one, which may be empty.
  struct Piece {
    std::string_view bytes;
    bool last = false;
  };
  using BodyPiece = std::function<void(Exchange&, Result<Piece>)>;
  virtual void read(BodyPiece then) = 0;

  // The whole answer in one.
  virtual void respond(const Answer& answer) = 0;

  // The answer in pieces (chunked on HTTP/1.1). write() copies; it says false when more than the output limit
  // is waiting: go on after `then`, which runs when there is room again, or when the peer has gone. A fault
  // after start() can only be shown by abort(), which breaks the framing so that the client sees an
  // incomplete answer.
  virtual void start(const Answer& head_only) = 0;
  virtual bool write(std::string_view piece, std::function<void(Exchange&)> then) = 0;
  virtual void finish(std::span<const base::Header> trailers = {}) = 0;
  virtual void abort() = 0;

  virtual bool cancelled() const = 0;  // the peer has gone, or the server is stopping hard
  virtual void on_cancel(std::function<void()> then) = 0;  // on the loop thread, at most once
  virtual void post(std::function<void()> task) = 0;       // run on this exchange's loop thread, later

  // The loop that callbacks run on, and one place on it for what a handler keeps for all of its requests:
  // empty at first, destroyed with the loop. On the loop's thread only.
  virtual runtime::EventLoop& loop() = 0;
  virtual std::shared_ptr<void>& local() = 0;
};

// What the server calls when a head is complete. `handle` must lead to exactly one answer, now or later.
using Handler = std::function<void(Exchange&)>;

}  // namespace slipway::http
