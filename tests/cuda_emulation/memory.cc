#include "tests/cuda_emulation/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "glog/logging.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(memory, bytes) ((void)(memory))
#define ASAN_UNPOISON_MEMORY_REGION(memory, bytes) ((void)(memory))
#endif

namespace cuda_emulation {
namespace {

constexpr size_t kAddresses = size_t{1} << 38;
constexpr size_t kAlignment = 256;  // as cudaMalloc
constexpr size_t kPage = 4096;
constexpr size_t kGuard = 256;
constexpr char kBlank = '\xff';

size_t RoundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

char* Reserve() {
  void* memory = mmap(nullptr, kAddresses, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  PCHECK(memory != MAP_FAILED) << "no addresses for the emulated device";
  return static_cast<char*>(memory);
}

}  // namespace

Memory::Memory() : start_(Reserve()) {}

void Memory::Open() {
  if (open_ || used_ == 0) return;
  PCHECK(mprotect(start_, RoundUp(used_, kPage), PROT_READ | PROT_WRITE) == 0);
  open_ = true;
}

void Memory::Close() {
  if (!open_) return;
  PCHECK(mprotect(start_, RoundUp(used_, kPage), PROT_NONE) == 0);
  open_ = false;
}

void* Memory::Allocate(size_t bytes) {
  if (bytes > size_ - std::min(size_, in_use_)) return nullptr;
  const size_t whole = RoundUp(bytes, kAlignment) + kGuard;
  CHECK_LE(used_ + whole, kAddresses);
  Close();
  char* memory = start_ + used_;
  used_ += whole;
  in_use_ += bytes;
  pieces_[memory] = bytes;
  Open();
  ASAN_UNPOISON_MEMORY_REGION(memory, whole);
  std::memset(memory, kBlank, whole);
  ASAN_POISON_MEMORY_REGION(memory + bytes, whole - bytes);
  Close();
  return memory;
}

bool Memory::Free(void* memory, std::string* why) {
  const auto piece = pieces_.find(static_cast<char*>(memory));
  if (piece == pieces_.end()) return false;
  auto* first = static_cast<char*>(memory);
  const size_t bytes = piece->second;
  const size_t whole = RoundUp(bytes, kAlignment) + kGuard;
  Open();
  ASAN_UNPOISON_MEMORY_REGION(first, whole);
  if (std::any_of(first + bytes, first + whole,
                  [](char c) { return c != kBlank; })) {
    *why = "a kernel has written beyond the end of its memory";
  }
  ASAN_POISON_MEMORY_REGION(first, whole);
  // Whole pages are given back.
  char* const page =
      start_ + RoundUp(static_cast<size_t>(first - start_), kPage);
  char* const end =
      start_ + static_cast<size_t>(first + whole - start_) / kPage * kPage;
  if (page < end) {
    madvise(page, static_cast<size_t>(end - page), MADV_DONTNEED);
  }
  Close();
  in_use_ -= bytes;
  pieces_.erase(piece);
  return true;
}

bool Memory::Has(const void* memory, size_t bytes) const {
  const auto* first = static_cast<const char*>(memory);
  auto piece = pieces_.upper_bound(first);
  if (piece == pieces_.begin()) return false;
  --piece;
  // One beyond the end points to nothing, which may be passed.
  return first + bytes <= piece->first + piece->second;
}

}  // namespace cuda_emulation
