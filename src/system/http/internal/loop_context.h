// What the connections of one loop share, and their lives.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "system/http/exchange.h"
#include "system/http/internal/output.h"
#include "system/http/request_id.h"
#include "system/http/server.h"
#include "system/runtime/event_loop.h"

namespace slipway::http::internal {

class Connection;

// A counter that one thread writes and others read.
class OwnCounter {
 public:
  void add(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// What the connections of one loop share.
struct LoopContext {
  LoopContext(runtime::EventLoop& event_loop, const ServerOptions& server_options, const Handler& call,
              uint32_t origin);
  ~LoopContext();

  void adopt(int fd);
  void remove(Connection& connection);  // it is destroyed before the next event
  void bury();
  void drain();
  void close_all();

  std::unique_ptr<char[]> take_block();
  void give_block(std::unique_ptr<char[]> block);
  // Gives the pages behind the first `used` bytes back to the system; they may be written to again at any
  // time.
  void shed_pages(char* block, size_t used) const;
  size_t block_size() const { return options.limits.header_bytes + kBodyRoom; }

  static constexpr size_t kBodyRoom = 16 << 10;  // a body up to this size stays where it was read
  static constexpr size_t kSpareBlocks = 64;

  runtime::EventLoop& loop;
  const ServerOptions& options;
  const Handler& handler;
  RequestIds ids;
  DateHeader date;
  bool draining = false;
  bool keeps_connections = true;  // beyond an answer
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections;
  std::vector<std::unique_ptr<Connection>> graveyard;
  std::vector<std::unique_ptr<char[]>> spare;
  OwnCounter accepted, requests, refused, bytes_in, bytes_out;
  std::atomic<size_t> open{0};
  std::shared_ptr<void> local;  // the handlers'
};

}  // namespace slipway::http::internal
