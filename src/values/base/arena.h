// A request's memory: bump allocation from one kept block, everything freed at once by reset().
//
// Growth beyond the kept block is charged to a process-wide Budget, so that a thousand large requests cannot
// take the machine down: when the budget is spent, make() says null and the request is refused with 503.
//
// Threads: an Arena belongs to one request, and so to one thread at a time. A Budget is shared and lock-free.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace slipway::base {

// Bytes that all requests of the process may hold together.
class Budget {
 public:
  explicit Budget(size_t limit_bytes) : limit_(limit_bytes) {}

  bool take(size_t bytes);  // false: nothing was taken
  void give(size_t bytes);
  size_t used() const { return used_.load(std::memory_order_relaxed); }
  size_t limit() const { return limit_; }

 private:
  const size_t limit_;
  std::atomic<size_t> used_{0};
};

class Arena {
 public:
  static constexpr size_t kKept = 64 * 1024;  // what survives reset(); made at first use

  explicit Arena(Budget* budget = nullptr) : budget_(budget) {}
  ~Arena() { release(); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Null when the budget is spent. Alignment: a power of two up to 64.
  void* allocate(size_t bytes, size_t alignment);

  // `count` zero-initialised values, aligned for vector instructions. Null data with count > 0: the budget is
  // spent.
  template <class T>
  std::span<T> make(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>, "reset() runs no destructors");
    if (count > size_t(-1) / 2 / sizeof(T)) return {};
    void* memory = allocate(count * sizeof(T), alignof(T) < 16 ? 16 : alignof(T));
    if (memory == nullptr) return {};
    T* first = static_cast<T*>(memory);
    std::uninitialized_value_construct_n(first, count);
    return {first, count};
  }

  // A copy that lives as long as the request. Empty when the budget is spent.
  std::string_view copy(std::string_view text);

  // Forgets everything; keeps one block of kKept bytes.
  void reset();

 private:
  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    size_t size = 0;
  };
  void* grow(size_t bytes, size_t alignment);
  void release();

  Budget* budget_;
  std::unique_ptr<std::byte[]> kept_;
  std::vector<Block> extra_;
  std::byte* next_ = nullptr;
  std::byte* end_ = nullptr;
};

}  // namespace slipway::base
