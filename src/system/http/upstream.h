// Requests to other servers, from the loop that their callers' exchanges live on: kept connections, no thread
// and no hop between a request and its answer.
//
// One Upstreams for each loop. A small request costs one system call to send and one to receive. Whoever
// calls gets the answer's head with as much of its body as has come, then the rest in pieces, with
// back-pressure on both ways.
//
// Only we close kept connections, so the servers' idle limit must be longer. EAGAIN from a Unix connect means
// a full backlog and counts as refused.
//
// Threads: everything on the loop's own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "system/http/address.h"
#include "system/runtime/event_loop.h"
#include "values/base/head.h"

namespace slipway::http {

struct UpstreamOptions {
  size_t idle_connections = 64;  // kept for each address
  Duration idle_time = std::chrono::seconds(30);
  Duration connect_time = std::chrono::seconds(1);  // past it nobody is there, and another may be asked
  size_t head_bytes = 32 << 10;                     // of an answer
  size_t headers = 100;                             // of an answer
  size_t output_bytes = 256 << 10;                  // of a request's body, waiting to be sent
};

struct UpstreamRequest {
  base::Method method = base::Method::kGet;
  std::string_view target, host;
  // Those between two servers are left out (RFC 9110, 7.6.1), and framing is our own.
  std::span<const base::Header> headers;
  std::string_view request_id;
  std::string_view body;  // all of it, unless `streamed`
  // The body follows by write(): so many bytes, or kUnknownLength.
  std::optional<uint64_t> streamed = std::nullopt;
  bool expects_continue = false;  // nothing of the body is sent before on_continue()
  TimePoint deadline = TimePoint::max();
};
inline constexpr uint64_t kUnknownLength = UINT64_MAX;

enum class UpstreamFault : uint8_t {
  kRefused,    // no connection: it has seen nothing
  kBroken,     // gone before the first byte of an answer: it may have seen the request
  kCut,        // gone in the middle of the answer
  kTimeout,    // past the deadline
  kMalformed,  // what came is not HTTP, or over a limit
};

struct UpstreamAnswer {
  int status = 0;
  std::span<const base::Header> headers;
  std::string_view body;           // what has come of it
  bool complete = false;           // that is all
  std::optional<uint64_t> length;  // of the whole, where it is said
};

// Who is told. Called on the loop's thread; not from within Upstreams::send().
class UpstreamCaller {
 public:
  virtual ~UpstreamCaller() = default;
  virtual void on_continue() = 0;                          // it wants the body
  virtual void on_room() = 0;                              // write() may go on
  virtual void on_answer(const UpstreamAnswer&) = 0;       // once; `complete` ends the call
  virtual void on_piece(std::string_view, bool last) = 0;  // `last` ends the call
  virtual void on_fault(UpstreamFault) = 0;                // ends the call
};

// A request on its way. Gone after it has ended, or after cancel().
class UpstreamCall {
 public:
  // A piece of a streamed body; copied. False: wait for on_room().
  virtual bool write(std::string_view piece, bool last) = 0;
  virtual void pause() = 0;  // no more of the answer for now
  virtual void resume() = 0;
  virtual void cancel() = 0;           // nothing more is told; the connection is closed
  virtual bool is_reused() const = 0;  // on a kept connection, which may have been closed meanwhile

 protected:
  ~UpstreamCall() = default;
};

namespace internal {
class UpstreamConnection;
}

class Upstreams {
 public:
  explicit Upstreams(runtime::EventLoop& loop, UpstreamOptions options = {});
  ~Upstreams();  // no call may be on its way
  Upstreams(const Upstreams&) = delete;
  Upstreams& operator=(const Upstreams&) = delete;

  // `reuse` false: over a new connection. Null: refused. What `request` views is not needed afterwards, but
  // for a body that is not `streamed`, which is copied only when it cannot be sent at once.
  enum class Reuse : uint8_t { kAllowed, kForbidden };
  UpstreamCall* send(const Address& address, const UpstreamRequest& request, UpstreamCaller& caller,
                     Reuse reuse = Reuse::kAllowed);

  // Closes what is kept to an address that has gone; what is on its way there is closed after its answer.
  void forget(const Address& address);
  size_t idle() const;

 private:
  friend class internal::UpstreamConnection;
  using Connection = internal::UpstreamConnection;
  struct Peer {
    std::vector<Connection*> kept;  // the last was used last
    bool forgotten = false;
  };
  struct Hash {
    size_t operator()(const Address& address) const;
  };

  Connection* open(const Address& address, const std::shared_ptr<Peer>& peer);
  void keep(Connection& connection, Peer& peer);
  void remove(Connection& connection);  // destroyed before the next event
  std::unique_ptr<char[]> take_block();
  void give_block(std::unique_ptr<char[]> block);

  runtime::EventLoop& loop_;
  const UpstreamOptions options_;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> graveyard_;
  std::unordered_map<Address, std::shared_ptr<Peer>, Hash> peers_;
  std::vector<std::unique_ptr<char[]>> spare_;
};

// Whether a header is about one connection only, or about framing: it does not travel on.
bool is_hop_by_hop(std::string_view lower_case_name);

}  // namespace slipway::http
