// A file descriptor that is closed exactly once. Move-only; one thread at a time.
#pragma once

#include <string>
#include <utility>

namespace slipway::os {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }  // the caller closes it
  void close();

 private:
  int fd_ = -1;
};

// What errno means, in words: "No such file or directory". Thread-safe.
std::string errno_text(int error);

}  // namespace slipway::os
