// Where to listen or connect: HOST:PORT, [IPv6]:PORT, unix:PATH, or fd:N for a socket that is listening
// already.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "values/base/result.h"

namespace slipway::http {

struct Address {
  enum class Kind { kTcp, kUnix, kDescriptor };
  Kind kind = Kind::kTcp;
  std::string host;  // of kTcp, without brackets
  int port = 0;      // of kTcp; 0: the system picks
  std::string path;  // of kUnix
  int descriptor = -1;

  bool operator==(const Address&) const = default;
  std::string str() const;
};

Result<Address> parse_address(std::string_view text);

// Whether only this machine can reach it. Inherited descriptors count as local: whoever made them decided.
bool is_local(const Address& address);

// A listening, non-blocking socket. The error names the address and what to do (a busy port, a path too
// long).
Result<int> listen_on(const Address& address);
// Where a connection may lead. kOtherMachines: not to this machine, nor to what answers on its link alone
// (169.254.0.0/16, where clouds keep credentials), whatever a name resolves to: for addresses that a stranger
// named.
enum class Reach : uint8_t { kAnywhere, kOtherMachines };
// A connected, blocking socket. kUnavailable: nobody answers, or the name is not known (yet); kDenied: it
// leads where it must not.
Result<int> connect_to(const Address& address, int timeout_ms, Reach reach = Reach::kAnywhere);
// What a listening socket is really bound to: the port that the system picked.
Result<Address> bound_address(int fd);

}  // namespace slipway::http
