// The memory of the emulated device. What the host knows are addresses that
// nobody can touch; the device has the same memory elsewhere, to which kernels'
// pointers are moved. Addresses are not used again, so that a pointer to freed
// memory is never a pointer to something else.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_CUDA_EMULATION_MEMORY_H_
#define HAWSER_TESTS_CUDA_EMULATION_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace cuda_emulation {

class Memory {
 public:
  Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // Full of 0xff: not a number. Null: more than there is.
  void* Allocate(size_t bytes);
  // False: not what Allocate gave. Why: what somebody has done to it.
  bool Free(void* memory, std::string* why);

  // Whether all of these bytes are of one piece.
  bool Has(const void* memory, size_t bytes) const;

  // Where the device has it.
  template <typename T>
  T* Inside(T* memory) const {
    return reinterpret_cast<T*>(reinterpret_cast<uintptr_t>(memory) + moved_);
  }

  void set_size(size_t bytes) { size_ = bytes; }
  size_t size() const { return size_; }
  size_t in_use() const { return in_use_; }

 private:
  char* const start_;  // as the host knows it
  uintptr_t moved_ = 0;
  size_t used_ = 0;  // addresses
  size_t in_use_ = 0;
  size_t size_ = 0;
  std::map<const char*, size_t> pieces_;
};

}  // namespace cuda_emulation

#endif  // HAWSER_TESTS_CUDA_EMULATION_MEMORY_H_
