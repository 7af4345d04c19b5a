#include "common/wire/float_pieces.h"

#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

TEST(FloatPiecesTest, EveryCutGivesTheSameFloats) {
  const std::vector<float> floats = {1.5f, -2.25f, 3e30f, 4e-30f, 5.0f};
  const auto* bytes = reinterpret_cast<const char*>(floats.data());
  const size_t size = floats.size() * sizeof(float);
  for (size_t a = 0; a <= size; ++a) {
    for (size_t b = a; b <= size; ++b) {
      const std::vector<absl::Span<const char>> pieces = {
          {bytes, a}, {bytes + a, b - a}, {bytes + b, size - b}};
      std::vector<float> got(floats.size(), 0.0f);
      int64_t next = 0;
      ForEachFloatRun(pieces, [&](int64_t first, const char* run, int64_t n) {
        ASSERT_EQ(first, next);
        std::memcpy(got.data() + first, run,
                    static_cast<size_t>(n) * sizeof(float));
        next = first + n;
      });
      EXPECT_EQ(next, 5);
      EXPECT_EQ(got, floats) << "cut at " << a << " and " << b;
    }
  }
}

}  // namespace
}  // namespace hawser
