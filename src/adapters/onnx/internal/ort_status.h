// ONNX Runtime's objects and errors in our words.
#pragma once

#include <onnxruntime_c_api.h>

#include <memory>
#include <string>
#include <string_view>

#include "values/base/result.h"

namespace slipway::onnx {

// The text with '?' for every control character and every byte that is no part of valid UTF-8: names and
// messages come out of a stranger's file, and go into JSON.
std::string readable(std::string_view text);

// One line of plain text from the runtime's message: without its source files, the path that we say
// ourselves, and control characters; at most 300 bytes.
std::string clean_message(std::string_view message);

// Takes the status over.
Status check(const OrtApi& api, OrtStatus* status);

// An object of the runtime with its release function.
template <class T>
class Owned {
 public:
  using Release = void(ORT_API_CALL*)(T*);
  explicit Owned(Release release) : release_(release) {}
  ~Owned() { reset(); }
  Owned(Owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)), release_(other.release_) {}
  Owned& operator=(Owned&&) = delete;

  T* get() const { return object_; }
  T** out() {  // for the call that makes it
    reset();
    return &object_;
  }
  void reset() {
    if (object_ != nullptr) release_(object_);
    object_ = nullptr;
  }

 private:
  T* object_ = nullptr;
  Release release_;
};

}  // namespace slipway::onnx
