#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace hubward {

// A key or password: cannot be printed by accident, wiped on destruction. Call reveal() only where
// the bytes go to the signer or onto the wire.
class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string text) : text_(std::move(text)) {}
  SecretText(const SecretText&) = default;
  SecretText(SecretText&& other) noexcept : text_(other.text_) { other.wipe(); }  // NOLINT: wiped
  SecretText& operator=(const SecretText& other) {
    if (this != &other) {
      wipe();
      text_ = other.text_;
    }
    return *this;
  }
  SecretText& operator=(SecretText&& other) noexcept {
    if (this != &other) {
      wipe();
      text_ = other.text_;
      other.wipe();
    }
    return *this;
  }
  ~SecretText() { wipe(); }

  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] std::string_view reveal() const { return text_; }

 private:
  void wipe() noexcept {
    // Through volatile, so that the compiler does not drop writes to memory about to be freed.
    for (volatile char* p = text_.data(); p != text_.data() + text_.size(); ++p) *p = 0;
    text_.clear();
  }

  std::string text_;
};

}  // namespace hubward
