#include "system/http/internal/loop_context.h"

#include <sys/mman.h>

#include <cstdint>
#include <utility>

#include "system/http/internal/connection.h"

namespace slipway::http::internal {

LoopContext::LoopContext(runtime::EventLoop& event_loop, const ServerOptions& server_options,
                         const Handler& call, uint32_t origin)
    : loop(event_loop), options(server_options), handler(call), ids(origin) {}

LoopContext::~LoopContext() = default;

void LoopContext::bury() { graveyard.clear(); }

void LoopContext::adopt(int fd) {
  bury();
  auto connection = std::make_unique<Connection>(*this, fd);
  accepted.add(1);
  Connection* key = connection.get();
  connections.emplace(key, std::move(connection));
  if (!key->start()) key->close();
}

void LoopContext::remove(Connection& connection) {
  const auto at = connections.find(&connection);
  if (at == connections.end()) return;  // it is being destroyed with the server
  graveyard.push_back(std::move(at->second));
  connections.erase(at);
  open.fetch_sub(1, std::memory_order_relaxed);
}

void LoopContext::drain() {
  draining = true;
  keeps_connections = false;
  for (const auto& [key, connection] : connections) connection->server_is_draining();
}

void LoopContext::close_all() {
  while (!connections.empty()) connections.begin()->second->close();
  bury();
  local.reset();
}

std::unique_ptr<char[]> LoopContext::take_block() {
  if (spare.empty()) return std::unique_ptr<char[]>(new char[block_size()]);
  auto block = std::move(spare.back());
  spare.pop_back();
  return block;
}

void LoopContext::give_block(std::unique_ptr<char[]> block) {
  if (block && spare.size() < kSpareBlocks) spare.push_back(std::move(block));
}

void LoopContext::shed_pages(char* block, size_t used) const {
  constexpr uintptr_t kPage = 4096;  // the advice does nothing where pages are larger
  const auto start = reinterpret_cast<uintptr_t>(block);
  const uintptr_t from = (start + used + kPage - 1) / kPage * kPage,
                  to = (start + block_size()) / kPage * kPage;
  if (from < to) ::madvise(block + (from - start), to - from, MADV_DONTNEED);
}

}  // namespace slipway::http::internal
