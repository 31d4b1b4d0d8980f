#include "system/http/upstream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "system/http/internal/upstream_connection.h"
#include "system/os/descriptor.h"

namespace slipway::http {

using internal::UpstreamConnection;

namespace {

constexpr size_t kSpareBlocks = 32;

// A connection that is made, or on its way (`connected` false). An invalid one: refused.
os::Descriptor connect_unix(const std::string& path, bool& connected) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof name.sun_path) return {};
  std::memcpy(name.sun_path, path.data(), path.size());
  os::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // EAGAIN is a full backlog: waiting for it would be waiting in a queue that nobody bounds.
  if (!socket.valid() || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
    return {};
  connected = true;
  return socket;
}

// Addresses come from endpoint lists: numbers, never names to look up on a loop. 0: it is none.
socklen_t tcp_name(const Address& address, sockaddr_storage& name) {
  const auto port = htons(static_cast<uint16_t>(address.port));
  auto& v4 = reinterpret_cast<sockaddr_in&>(name);
  if (::inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = port;
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(name);
  if (::inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) != 1) return 0;
  v6.sin6_family = AF_INET6;
  v6.sin6_port = port;
  return sizeof v6;
}

os::Descriptor connect_tcp(const Address& address, bool& connected) {
  sockaddr_storage name{};
  const socklen_t size = tcp_name(address, name);
  if (size == 0) return {};
  os::Descriptor socket(::socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return {};
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), size) == 0)
    connected = true;
  else if (errno != EINPROGRESS)
    return {};
  return socket;
}

}  // namespace

Upstreams::Upstreams(runtime::EventLoop& loop, UpstreamOptions options) : loop_(loop), options_(options) {}

Upstreams::~Upstreams() {
  while (!connections_.empty()) connections_.begin()->first->close();
}

size_t Upstreams::Hash::operator()(const Address& address) const {
  const std::string& text = address.kind == Address::Kind::kUnix ? address.path : address.host;
  return std::hash<std::string_view>()(text) + static_cast<size_t>(address.port);
}

Upstreams::Connection* Upstreams::open(const Address& address, const std::shared_ptr<Peer>& peer) {
  bool connected = false;
  os::Descriptor socket = address.kind == Address::Kind::kUnix  ? connect_unix(address.path, connected)
                          : address.kind == Address::Kind::kTcp ? connect_tcp(address, connected)
                                                                : os::Descriptor();
  if (!socket.valid()) return nullptr;
  auto connection = std::make_unique<UpstreamConnection>(*this, socket.release(), peer, connected);
  UpstreamConnection* const out = connection.get();
  connections_.emplace(out, std::move(connection));
  if (out->start()) return out;
  out->close();
  return nullptr;
}

UpstreamCall* Upstreams::send(const Address& address, const UpstreamRequest& request, UpstreamCaller& caller,
                              Reuse reuse) {
  std::shared_ptr<Peer>& peer = peers_[address];
  if (!peer) peer = std::make_shared<Peer>();
  UpstreamConnection* connection = nullptr;
  if (reuse == Reuse::kAllowed && !peer->kept.empty()) {
    connection = peer->kept.back();
    peer->kept.pop_back();
  }
  if (!connection) connection = open(address, peer);
  if (!connection) return nullptr;
  connection->begin(request, caller);
  return connection;
}

void Upstreams::keep(UpstreamConnection& connection, Peer& peer) {
  if (peer.forgotten || peer.kept.size() >= options_.idle_connections) return connection.close();
  peer.kept.push_back(&connection);
  connection.rest();
}

void Upstreams::remove(UpstreamConnection& connection) {
  const auto at = connections_.find(&connection);
  if (at == connections_.end()) return;
  graveyard_.push_back(std::move(at->second));
  connections_.erase(at);
}

void Upstreams::forget(const Address& address) {
  const auto at = peers_.find(address);
  if (at == peers_.end()) return;
  const std::shared_ptr<Peer> peer = std::move(at->second);
  peers_.erase(at);
  peer->forgotten = true;
  while (!peer->kept.empty()) peer->kept.back()->close();
}

size_t Upstreams::idle() const {
  size_t out = 0;
  for (const auto& [address, peer] : peers_) out += peer->kept.size();
  return out;
}

std::unique_ptr<char[]> Upstreams::take_block() {
  if (spare_.empty()) return std::unique_ptr<char[]>(new char[options_.head_bytes]);
  auto block = std::move(spare_.back());
  spare_.pop_back();
  return block;
}

void Upstreams::give_block(std::unique_ptr<char[]> block) {
  if (block && spare_.size() < kSpareBlocks) spare_.push_back(std::move(block));
}

bool is_hop_by_hop(std::string_view name) {
  switch (name.size()) {
    case 2:
      return name == "te";
    case 6:
      return name == "expect";
    case 7:
      return name == "trailer" || name == "upgrade";
    case 10:
      return name == "connection" || name == "keep-alive";
    case 14:
      return name == "content-length";
    case 16:
      return name == "proxy-connection";
    case 17:
      return name == "transfer-encoding";
    default:
      return false;
  }
}

}  // namespace slipway::http
