#include "server/state/checkpoint_admission.h"

#include "gtest/gtest.h"

namespace hawser {
namespace {

using Versions = std::vector<uint64_t>;

TEST(CheckpointAdmissionTest, OneAtATime) {
  CheckpointAdmission admission(1);
  EXPECT_TRUE(admission.Admit(1, false));
  EXPECT_FALSE(admission.Admit(2, false));
  EXPECT_FALSE(admission.Admit(3, false));
  admission.Release(1);
  EXPECT_TRUE(admission.Admit(4, false));
  EXPECT_EQ(admission.TakeSkipped(), (Versions{2, 3}));
  EXPECT_EQ(admission.TakeSkipped(), Versions());
}

TEST(CheckpointAdmissionTest, TheLastOneIsNeverSkipped) {
  CheckpointAdmission admission(1);
  EXPECT_TRUE(admission.Admit(1, false));
  EXPECT_TRUE(admission.Admit(2, true));
  EXPECT_EQ(admission.TakeSkipped(), Versions());
}

// Whatever is released between the questions of two blocks.
TEST(CheckpointAdmissionTest, AllBlocksGetTheSameAnswer) {
  CheckpointAdmission admission(3);
  EXPECT_TRUE(admission.Admit(10, false));
  EXPECT_FALSE(admission.Admit(11, false));
  EXPECT_TRUE(admission.Admit(10, false));
  admission.Release(10);  // given up
  EXPECT_TRUE(admission.Admit(10, false));
  EXPECT_FALSE(admission.Admit(11, false));
  EXPECT_TRUE(admission.Admit(12, false));
  EXPECT_FALSE(admission.Admit(11, false));
  EXPECT_EQ(admission.TakeSkipped(), Versions{11});
}

}  // namespace
}  // namespace hawser
