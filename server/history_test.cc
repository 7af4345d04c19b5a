// What a shard writes into its history (docs/audit_format.md).
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/job/initial_values.h"
#include "gtest/gtest.h"
#include "server/audit_log.h"
#include "server/parameter_shard.h"
#include "server/shard_test_support.h"

namespace hawser {
namespace {

// One of two servers, whose updates wait for the other one's norms.
class HistoryTest : public testing::Test, public NormCarrier {
 protected:
  HistoryTest() : root_(testing::TempDir() + "/history_XXXXXX") {
    EXPECT_NE(mkdtemp(root_.data()), nullptr);
    plan_ = SmallPlan(/*servers=*/2, /*micro_batches=*/2, /*steps=*/4);
    plan_.mutable_spec()->mutable_optimizer()->set_clip_global_norm(0.25);
    plan_.mutable_spec()->mutable_synchronisation()->set_audit(true);
    auto shard =
        ParameterShard::Create(plan_, 0, *RandomValues(), this, &clock_,
                               *AuditLog::Create(plan_, 0, root_),
                               {.checkpoint_ready = [](CheckpointSnapshot) {},
                                .lease_waits = [] {},
                                .milestone = [] {}});
    EXPECT_TRUE(shard.ok());
    shard_ = *std::move(shard);
  }
  void Send(const std::string&, const ShareNormsRequest&) override {}

  void Push(uint64_t step, TreeNode node) {
    const Block& block = plan_.blocks(0);
    const std::string zeros(block.elements() * sizeof(float), '\0');
    const std::vector<absl::Span<const char>> pieces = {
        {zeros.data(), zeros.size()}};
    shard_->Handle({PushHeader(plan_, block, step, node), pieces,
                    std::make_shared<RecordingSink>(), [] {}});
  }
  // How many records of this kind there are of block 0.
  int Records(const std::string& kind) {
    shard_->FlushAudit();
    std::ifstream file(root_ + "/small/audit/server-0.audit");
    int records = 0;
    for (std::string line; std::getline(file, line);) {
      records += line.rfind(kind + " 0 ", 0) == 0;
    }
    return records;
  }

  const RealClock clock_;
  std::string root_;
  Plan plan_;
  std::unique_ptr<ParameterShard> shard_;
};

TEST_F(HistoryTest, ARepeatIsSaidUntilTheStepIsCountedWhole) {
  Push(0, {0, 0});
  Push(0, {0, 0});
  EXPECT_EQ(Records("P"), 1);
  EXPECT_EQ(Records("D"), 1);
  // It waits for its update, but to a reader of the history it is complete: a
  // repeat would be of the next step's phase.
  Push(0, {0, 1});
  Push(0, {0, 1});
  EXPECT_EQ(Records("P"), 2);
  EXPECT_EQ(Records("D"), 1);
}

TEST_F(HistoryTest, NumbersOfServersThatNeverCameAreNotMissing) {
  Plan plan = plan_;
  plan.set_histories(1);
  plan.mutable_servers(1)->set_history(4);
  ServerEndpoint* other = plan.add_servers();
  other->set_history(2);
  const auto path = [&](int number) {
    return root_ + "/small/audit/server-" + std::to_string(number) + ".audit";
  };
  ASSERT_TRUE(AuditLog::WriteSkipped(plan, 1, root_).ok());
  EXPECT_TRUE(std::ifstream(path(1)).good());
  EXPECT_FALSE(std::ifstream(path(2)).good()) << "somebody has it";
  std::string line;
  ASSERT_TRUE(std::getline(std::ifstream(path(3)), line));
  EXPECT_EQ(line, "H 1 small 3 2");
  // Nobody else's is touched.
  shard_->FlushAudit();
  ASSERT_TRUE(std::getline(std::ifstream(path(0)), line));
  EXPECT_EQ(line, "H 1 small 0 2");
}

}  // namespace
}  // namespace hawser
