#include "system/http/testing/raw_client.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace slipway::http::testing {
namespace {

// Appends what is there within the time. False: the peer closed, or nothing came.
bool receive_more(int fd, std::string& to, int timeout_ms) {
  pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
  if (::poll(&wait, 1, timeout_ms) != 1) return false;
  std::array<char, 65536> bytes;
  const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), 0);
  if (got <= 0) return false;
  to.append(bytes.data(), static_cast<size_t>(got));
  return true;
}

constexpr int kPatience = 5000;

}  // namespace

RawClient::RawClient(const Address& address) {
  const auto fd = connect_to(address, kPatience);
  EXPECT_TRUE(fd) << (fd ? "" : fd.error().message);
  fd_ = fd.value_or(-1);
}

RawClient::~RawClient() { ::close(fd_); }

void RawClient::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put <= 0) return;  // the peer may refuse before it has read everything
    bytes.remove_prefix(static_cast<size_t>(put));
  }
}

void RawClient::half_close() const { ::shutdown(fd_, SHUT_WR); }

std::string RawClient::receive(size_t bytes, int timeout_ms) {
  while (held_.size() < bytes && receive_more(fd_, held_, timeout_ms)) {
  }
  return std::exchange(held_, "");
}

std::string RawClient::answer() {
  size_t end = 0;
  while ((end = held_.find("\r\n\r\n")) == std::string::npos)
    if (!receive_more(fd_, held_, kPatience)) return std::exchange(held_, "");
  end += 4;
  const size_t at = held_.find("content-length: ");
  const size_t length = at < end ? std::stoul(held_.substr(at + 16)) : 0;
  while (held_.size() < end + length && receive_more(fd_, held_, kPatience)) {
  }
  std::string answer = held_.substr(0, end + length);
  held_.erase(0, end + length);
  return answer;
}

std::string RawClient::rest() {
  while (receive_more(fd_, held_, kPatience)) {
  }
  return std::exchange(held_, "");
}

bool RawClient::closed() {
  pollfd wait{.fd = fd_, .events = POLLIN, .revents = 0};
  char byte = 0;
  return ::poll(&wait, 1, 1000) == 1 && ::recv(fd_, &byte, 1, MSG_PEEK) <= 0;
}

int status_of_answer(std::string_view answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(std::string(answer.substr(9, 3))) : 0;
}

std::string body_of_answer(std::string_view answer) {
  const size_t end = answer.find("\r\n\r\n");
  return end == std::string_view::npos ? "" : std::string(answer.substr(end + 4));
}

}  // namespace slipway::http::testing
