#include "values/base/arena.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace slipway::base {
namespace {

std::byte* aligned(std::byte* p, size_t alignment) {
  const auto at = reinterpret_cast<uintptr_t>(p);
  return p + ((alignment - at % alignment) % alignment);
}

}  // namespace

bool Budget::take(size_t bytes) {
  size_t used = used_.load(std::memory_order_relaxed);
  do {
    if (bytes > limit_ || used > limit_ - bytes) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  return true;
}

void Budget::give(size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

void* Arena::allocate(size_t bytes, size_t alignment) {
  if (next_ != nullptr) {
    std::byte* at = aligned(next_, alignment);
    if (at <= end_ && static_cast<size_t>(end_ - at) >= bytes) {
      next_ = at + bytes;
      return at;
    }
  }
  return grow(bytes, alignment);
}

void* Arena::grow(size_t bytes, size_t alignment) {
  if (bytes > size_t(-1) / 2) return nullptr;
  if (!kept_ && bytes + alignment <= kKept) {
    kept_.reset(new (std::nothrow) std::byte[kKept]);
    if (!kept_) return nullptr;
    next_ = kept_.get();
    end_ = next_ + kKept;
    return allocate(bytes, alignment);
  }
  const size_t size = std::max(bytes + alignment, kKept);
  if (budget_ != nullptr && !budget_->take(size)) return nullptr;
  std::unique_ptr<std::byte[]> memory(new (std::nothrow) std::byte[size]);
  if (!memory) {
    if (budget_ != nullptr) budget_->give(size);
    return nullptr;
  }
  std::byte* at = aligned(memory.get(), alignment);
  std::byte* end = memory.get() + size;
  // A large block that is full at once must not hide the room left in the current one.
  if (end - (at + bytes) > end_ - next_) {
    next_ = at + bytes;
    end_ = end;
  }
  extra_.push_back({std::move(memory), size});
  return at;
}

std::string_view Arena::copy(std::string_view text) {
  if (text.empty()) return {};
  auto* memory = static_cast<char*>(allocate(text.size(), 1));
  if (memory == nullptr) return {};
  std::memcpy(memory, text.data(), text.size());
  return {memory, text.size()};
}

void Arena::reset() {
  release();
  next_ = kept_.get();
  end_ = kept_ ? next_ + kKept : nullptr;
}

void Arena::release() {
  if (budget_ != nullptr)
    for (const Block& block : extra_) budget_->give(block.size);
  extra_.clear();
}

}  // namespace slipway::base
