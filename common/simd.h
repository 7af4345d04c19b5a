// HAWSER_SIMD before a function compiles it for several vector widths, chosen
// at run time. Bits do not depend on the choice: elements are independent, and
// -ffp-contract=off keeps multiplications and additions apart.
//
// HAWSER_ELEMENTS_ARE_INDEPENDENT before a loop says that its vectors are the
// same or do not overlap, so that any number of elements may be in work at a
// time.
#ifndef HAWSER_COMMON_SIMD_H_
#define HAWSER_COMMON_SIMD_H_

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

#endif  // HAWSER_COMMON_SIMD_H_
