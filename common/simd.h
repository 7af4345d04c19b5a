// HAWSER_SIMD before a function compiles it for several vector widths, chosen
// at run time. Bits do not depend on the choice: elements are independent, and
// -ffp-contract=off keeps multiplications and additions apart.
//
// HAWSER_ELEMENTS_ARE_INDEPENDENT before a loop says that its vectors are the
// same or do not overlap, so that any number of elements may be in work at a
// time.
//
// ByLine is for loops whose elements take long each, such as roots and
// quotients: a CPU that is busy with them does not look far enough ahead to ask
// for memory in time.
#ifndef HAWSER_COMMON_SIMD_H_
#define HAWSER_COMMON_SIMD_H_

#include <cstdint>
#include <initializer_list>

#if defined(HAWSER_SIMD_TARGET) && defined(__x86_64__)
// For tests: this one width, e.g. avx2, whatever the CPU.
#define HAWSER_SIMD_QUOTE(x) #x
#define HAWSER_SIMD_FOR(x) __attribute__((target(HAWSER_SIMD_QUOTE(x))))
#define HAWSER_SIMD HAWSER_SIMD_FOR(HAWSER_SIMD_TARGET)
#elif defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HAWSER_SIMD __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define HAWSER_SIMD
#endif

#if defined(__GNUC__) && !defined(__clang__)
#define HAWSER_ELEMENTS_ARE_INDEPENDENT _Pragma("GCC ivdep")
#else
#define HAWSER_ELEMENTS_ARE_INDEPENDENT
#endif

// Before a function, and on a lambda before its body: it becomes part of the
// loop that calls it, so that it is compiled for that loop's width.
#define HAWSER_INLINE __attribute__((always_inline)) inline
#define HAWSER_INLINE_LAMBDA __attribute__((always_inline))

namespace hawser {

// Calls element(i) for i in [0, n), elements being independent; has the vectors
// fetched a little before they are worked on.
template <typename Element>
HAWSER_INLINE void ByLine(std::initializer_list<const float*> vectors,
                          int64_t n, const Element& element) {
  constexpr int64_t kLine = 16;    // elements of a cache line
  constexpr int64_t kAhead = 512;  // elements; may be past the end
  int64_t i = 0;
  for (; i + kLine <= n; i += kLine) {
    for (const float* vector : vectors) __builtin_prefetch(vector + i + kAhead);
    HAWSER_ELEMENTS_ARE_INDEPENDENT
    for (int64_t j = i; j < i + kLine; ++j) element(j);
  }
  for (; i < n; ++i) element(i);
}

}  // namespace hawser

#endif  // HAWSER_COMMON_SIMD_H_
