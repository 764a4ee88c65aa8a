// A list that only grows, and that other threads may read meanwhile.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace hubward::observe {

// What is in it stays where it is and does not change. push_back() by one thread at a time; reading
// by any thread, without a lock: whoever sees an index below size() sees what stands there.
template <class T>
class GrowingList {
 public:
  GrowingList() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a list is made of what is known at the start.
  GrowingList(std::vector<T> first) : first_(std::move(first)), size_(first_.size()) {}
  GrowingList(std::initializer_list<T> first) : GrowingList(std::vector<T>(first)) {}
  // Before it is shared with another thread.
  GrowingList(GrowingList&& other) noexcept
      : first_(std::move(other.first_)),
        blocks_(std::move(other.blocks_)),
        size_(other.size_.exchange(0)) {}
  GrowingList& operator=(GrowingList&&) = delete;

  // False: it is full, after 10,000 more than at the start.
  bool push_back(T value) {
    const std::size_t at = size_.load(std::memory_order_relaxed) - first_.size();
    if (at >= kBlocks * kBlock) return false;
    auto& block = blocks_[at / kBlock];
    if (!block) block = std::make_unique<std::array<T, kBlock>>();
    (*block)[at % kBlock] = std::move(value);
    size_.store(first_.size() + at + 1, std::memory_order_release);
    return true;
  }

  [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_acquire); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] const T& operator[](std::size_t i) const {
    if (i < first_.size()) return first_[i];
    return (*blocks_[(i - first_.size()) / kBlock])[(i - first_.size()) % kBlock];
  }

 private:
  static constexpr std::size_t kBlock = 100;
  static constexpr std::size_t kBlocks = 100;

  std::vector<T> first_;
  std::array<std::unique_ptr<std::array<T, kBlock>>, kBlocks> blocks_{};
  std::atomic<std::size_t> size_ = 0;
};

}  // namespace hubward::observe
