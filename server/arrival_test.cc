// Shards in phases in which each push is applied on arrival, and over the
// borders of phases: what counts, what is read, and when.
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "common/job/initial_values.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "server/parameter_shard.h"
#include "server/shard_test_support.h"

namespace hawser {
namespace {

constexpr uint64_t kAda = 7;
constexpr uint64_t kBob = 8;
constexpr uint32_t kMicroBatches = 4;
constexpr float kRate = 0.5;  // of SmallPlan

// phases: text of Plan.phases.
Plan PhasePlan(const std::string& phases, uint32_t servers = 1,
               uint64_t steps = 8) {
  Plan plan = SmallPlan(servers, kMicroBatches, steps);
  plan.clear_phases();
  Plan added;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(phases, &added));
  plan.MergeFrom(added);
  plan.set_total_steps(StepSchedule(plan).total_steps());
  for (const uint64_t node : {kAda, kBob}) {
    plan.add_workers()->set_node(node);
  }
  return plan;
}

std::string PhaseText(uint64_t from, const std::string& synchronisation) {
  return "phases { from_step: " + std::to_string(from) + " synchronisation { " +
         synchronisation + " } }";
}

constexpr char kSynchronous[] = "mode: SYNCHRONOUS local_steps: 1";
constexpr char kAsynchronous[] = "mode: ASYNCHRONOUS";

// Every push is a gradient of the same value everywhere; every read is of one
// block.
class Shards : public NormCarrier {
 public:
  explicit Shards(Plan plan) : plan_(std::move(plan)) {
    for (int i = 0; i < plan_.servers_size(); ++i) {
      shards_.push_back(*ParameterShard::Create(
          plan_, static_cast<uint32_t>(i), *RandomValues(), this, &clock_,
          /*audit=*/nullptr,
          {.checkpoint_ready = [](CheckpointSnapshot) {},
           .lease_waits = [] {},
           .milestone = [] {}}));
    }
  }

  // The next incarnation, with other phases; returns the untouched step.
  uint64_t Adopt(const std::string& phases) {
    Plan next = PhasePlan(phases, static_cast<uint32_t>(plan_.servers_size()),
                          plan_.optimizer_steps());
    *next.mutable_spec() = plan_.spec();
    next.set_incarnation(plan_.incarnation() + 1);
    plan_ = next;
    uint64_t untouched = 0;
    for (auto& shard : shards_) {
      untouched = std::max(
          untouched,
          shard->Adopt(plan_, static_cast<uint32_t>(&shard - shards_.data())));
    }
    return untouched;
  }

  void PushRun(uint64_t node, uint64_t clock, uint64_t position, uint32_t run,
               float value, uint32_t block = 0) {
    FrameHeader header = PushHeader(plan_, BlockOf(block), 0, {});
    header.kind = FrameKind::kPushRun;
    header.node = node;
    header.clock = clock;
    header.position = position;
    header.run = run;
    header.updates = updates_;
    header.flags = kAckWanted | push_flags;
    if (block == 0) header.sums = {10 * run, run, run};
    Send(header, value);
  }
  void PushRunOfAll(uint64_t node, uint64_t clock, uint64_t position,
                    uint32_t run, float value) {
    for (const Block& block : plan_.blocks()) {
      PushRun(node, clock, position, run, value, block.id());
    }
  }
  void PushStep(uint64_t step, float value, uint32_t block = 0) {
    Send(PushHeader(plan_, BlockOf(block), step, {2, 0}), value);
  }
  void PushStepOfAll(uint64_t step, float value) {
    for (const Block& block : plan_.blocks()) {
      PushStep(step, value, block.id());
    }
  }
  void Read(uint64_t node, uint64_t clock, uint64_t position,
            FrameKind kind = FrameKind::kRead, uint32_t block = 0) {
    FrameHeader header = PullHeader(plan_, block, clock);
    header.kind = kind;
    header.node = node;
    header.position = position;
    Handle(header, {});
  }
  void Tick(uint64_t node, uint64_t clock, uint64_t position) {
    Read(node, clock, position, FrameKind::kTick, kAllBlocks);
  }
  void Pull(uint64_t version, uint32_t block = 0) {
    Handle(PullHeader(plan_, block, version), {});
  }

  // The only reply.
  RecordingSink::Reply Reply() {
    const auto replies = sink_->Take();
    EXPECT_EQ(replies.size(), 1u);
    if (replies.size() != 1) return {};
    updates_ = replies[0].header.updates;
    return replies[0];
  }
  // The block of two replies, of which the other is an ack.
  RecordingSink::Reply BlockAndAck() {
    const auto replies = sink_->Take();
    EXPECT_EQ(replies.size(), 2u);
    RecordingSink::Reply block;
    for (const auto& reply : replies) {
      if (reply.header.kind == FrameKind::kBlock) block = reply;
    }
    return block;
  }
  bool Silent() { return sink_->Take().empty(); }
  void Forget() { sink_->Take(); }
  void ExpectAck(bool repeat) {
    const auto reply = Reply();
    EXPECT_EQ(reply.header.kind, FrameKind::kAck) << reply.payload;
    EXPECT_EQ((reply.header.flags & kRepeated) != 0, repeat);
  }
  void ExpectError(absl::StatusCode code) {
    const auto reply = Reply();
    EXPECT_EQ(reply.header.kind, FrameKind::kError);
    EXPECT_EQ(reply.header.flags, static_cast<uint16_t>(code)) << reply.payload;
  }
  // By how much the block's parameters are below their initial values; all of
  // them by the same.
  float Descent(const RecordingSink::Reply& reply) {
    EXPECT_EQ(reply.header.kind, FrameKind::kBlock) << reply.payload;
    const Block& block = BlockOf(reply.header.block);
    std::vector<float> initial(block.elements());
    FillBlock(plan_, block, initial.data());
    const std::vector<float> floats = reply.Floats();
    if (floats.size() != initial.size()) return NAN;
    for (size_t i = 0; i < floats.size(); ++i) {
      EXPECT_NEAR(initial[i] - floats[i], initial[0] - floats[0], 1e-5);
    }
    return initial[0] - floats[0];
  }
  float DescentNow(uint32_t block = 0) {
    Read(kAda, 0, kAnyPosition, FrameKind::kRead, block);
    return Descent(Reply());
  }
  uint64_t Version() { return *shards_[0]->Progress(plan_.incarnation()); }
  ParameterShard& shard() { return *shards_[0]; }

  void Send(const std::string& address,
            const ShareNormsRequest& norms) override {
    const auto index = static_cast<size_t>(address.back() - '0');
    if (index < shards_.size()) {
      shards_[index]->ReceiveNorms(norms).IgnoreError();
    }
  }

  uint16_t push_flags = 0;

 private:
  const Block& BlockOf(uint32_t id) const {
    return plan_.blocks(static_cast<int>(id));
  }
  void Send(const FrameHeader& header, float value) {
    const std::vector<float> gradient(BlockOf(header.block).elements(), value);
    Handle(header, {reinterpret_cast<const char*>(gradient.data()),
                    header.payload_bytes});
  }
  void Handle(const FrameHeader& header, absl::Span<const char> payload) {
    for (size_t i = 0; i < shards_.size(); ++i) {
      if (header.block != kAllBlocks && BlockOf(header.block).server() != i) {
        continue;
      }
      bool done = false;
      shards_[i]->Handle(
          {header, {&payload, 1}, sink_, [&done] { done = true; }});
      EXPECT_TRUE(done);
    }
  }

  Plan plan_;
  const RealClock clock_;
  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
  std::vector<std::unique_ptr<ParameterShard>> shards_;
  uint64_t updates_ = 0;
};

TEST(ArrivalTest, APushCountsOnceAndAtOnce) {
  Shards shards(PhasePlan(PhaseText(0, kAsynchronous)));
  shards.PushRun(kAda, 0, 0, 3, 6.0f);
  shards.ExpectAck(/*repeat=*/false);
  EXPECT_FLOAT_EQ(shards.DescentNow(), kRate * 6 / kMicroBatches);
  shards.PushRun(kBob, 0, 0, 3, 6.0f);
  shards.ExpectAck(/*repeat=*/true);
  shards.PushRun(kBob, 1, 1, 2, 4.0f);  // a part of it
  shards.ExpectAck(/*repeat=*/true);
  EXPECT_FLOAT_EQ(shards.DescentNow(), kRate * 6 / kMicroBatches);
  EXPECT_EQ(shards.Version(), 0u);
  shards.PushRun(kBob, 2, 3, 1, 2.0f);
  shards.ExpectAck(/*repeat=*/false);
  EXPECT_FLOAT_EQ(shards.DescentNow(), kRate * 8 / kMicroBatches);
}

TEST(ArrivalTest, AVoidPushCountsAndChangesNoParameter) {
  Shards shards(PhasePlan(PhaseText(0, kAsynchronous)));
  shards.push_flags = kVoid;
  shards.PushRun(kAda, 0, 0, 3, 6.0f);
  shards.ExpectAck(/*repeat=*/false);
  EXPECT_FLOAT_EQ(shards.DescentNow(), 0);
  shards.push_flags = 0;
  shards.PushRun(kBob, 0, 0, 3, 6.0f);
  shards.ExpectAck(/*repeat=*/true);
  shards.PushRun(kBob, 1, 3, 1, 2.0f);
  shards.ExpectAck(/*repeat=*/false);
  EXPECT_FLOAT_EQ(shards.DescentNow(), kRate * 2 / kMicroBatches);
  EXPECT_EQ(shards.shard().TakeStepsDone().per_epoch_size(), 1);
}

TEST(ArrivalTest, ARunThatIsCountedInPartIsRefusedWhole) {
  Shards shards(PhasePlan(PhaseText(0, kAsynchronous)));
  shards.PushRun(kAda, 0, 0, 2, 2.0f);
  shards.ExpectAck(/*repeat=*/false);
  shards.PushRun(kBob, 0, 1, 3, 3.0f);
  shards.ExpectError(absl::StatusCode::kInvalidArgument);
  EXPECT_FLOAT_EQ(shards.DescentNow(), kRate * 2 / kMicroBatches);
}

TEST(ArrivalTest, StepsAreCompleteInOrderWithTheirSums) {
  Shards shards(PhasePlan(PhaseText(0, kAsynchronous)));
  shards.PushRun(kAda, 0, 4, 4, 1.0f);  // step 1
  EXPECT_EQ(shards.shard().TakeStepsDone().per_epoch_size(), 0);
  shards.PushRun(kBob, 0, 0, 3, 1.0f);
  shards.PushRun(kBob, 1, 3, 1, 1.0f);
  const StepsDone steps = shards.shard().TakeStepsDone();
  EXPECT_EQ(steps.step(), 2u);
  EXPECT_EQ(steps.first_epoch(), 1u);
  ASSERT_EQ(steps.per_epoch_size(), 1);
  EXPECT_EQ(steps.per_epoch(0).samples(), 8u);
  EXPECT_EQ(steps.per_epoch(0).loss_nanonats(), 80);
}

TEST(ArrivalTest, WhatCannotBeIsRefused) {
  Shards shards(
      PhasePlan(PhaseText(0, kAsynchronous) + PhaseText(2, kSynchronous)));
  shards.PushRun(kAda, 0, 0, 0, 1.0f);
  shards.ExpectError(absl::StatusCode::kInvalidArgument);
  shards.PushRun(kAda, 0, 7, 2, 1.0f);  // into the next phase
  shards.ExpectError(absl::StatusCode::kInvalidArgument);
  shards.PushRun(kAda, 0, ~uint64_t{0}, 1, 1.0f);
  shards.ExpectError(absl::StatusCode::kInvalidArgument);
  shards.PushRun(kAda, 0, 0, ~uint32_t{0}, 1.0f);
  shards.ExpectError(absl::StatusCode::kInvalidArgument);
  shards.PushRun(99, 0, 0, 1, 1.0f);  // no worker
  shards.ExpectError(absl::StatusCode::kInvalidArgument);
  shards.Read(99, 0, 0);
  shards.ExpectError(absl::StatusCode::kInvalidArgument);
  shards.PushStep(0, 1.0f);
  shards.ExpectError(absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(shards.DescentNow(), 0.0f);
}

TEST(ArrivalTest, AReadWaitsForThoseWhoAreBehindTheBound) {
  Shards shards(
      PhasePlan(PhaseText(0, "mode: BOUNDED_STALENESS staleness: 1")));
  shards.Read(kAda, 0, 0);
  EXPECT_FLOAT_EQ(shards.Descent(shards.Reply()), 0);
  shards.PushRunOfAll(kAda, 0, 0, 1, 1.0f);
  shards.Forget();
  shards.Read(kAda, 1, 1);  // Bob is at 0: as far as the bound allows
  EXPECT_FLOAT_EQ(shards.Descent(shards.Reply()), kRate / kMicroBatches);
  shards.PushRunOfAll(kAda, 1, 1, 1, 1.0f);
  shards.Forget();
  shards.Read(kAda, 2, 3);
  EXPECT_TRUE(shards.Silent());
  shards.PushRun(kBob, 0, 2, 1, 1.0f);
  // What Ada waited for holds Bob's push.
  EXPECT_FLOAT_EQ(shards.Descent(shards.BlockAndAck()),
                  3 * kRate / kMicroBatches);
}

TEST(ArrivalTest, ATickLetsOthersGoOn) {
  Shards shards(PhasePlan(PhaseText(0, "mode: BOUNDED_STALENESS")));
  shards.PushRun(kAda, 0, 0, 1, 1.0f);
  shards.Forget();
  shards.Read(kAda, 1, 1);
  EXPECT_TRUE(shards.Silent());
  shards.Tick(kBob, 1, 0);
  EXPECT_EQ(shards.Reply().header.kind, FrameKind::kBlock);
}

TEST(ArrivalTest, ReadsOfAnOldIncarnationAreRefused) {
  const std::string phases = PhaseText(0, "mode: BOUNDED_STALENESS");
  Shards shards(PhasePlan(phases));
  shards.PushRun(kAda, 0, 0, 1, 1.0f);
  shards.Forget();
  shards.Read(kAda, 1, 1);
  EXPECT_TRUE(shards.Silent());
  EXPECT_EQ(shards.Adopt(phases), 1u);
  shards.ExpectError(absl::StatusCode::kFailedPrecondition);
  shards.Read(kAda, 0, 1);  // clocks begin anew, what was counted stays
  EXPECT_FLOAT_EQ(shards.Descent(shards.Reply()), kRate / kMicroBatches);
  shards.PushRun(kBob, 0, 0, 1, 1.0f);
  shards.ExpectAck(/*repeat=*/true);
}

TEST(UntouchedTest, IsAfterAllThatWasCounted) {
  const std::string phases = PhaseText(0, kAsynchronous);
  Shards shards(PhasePlan(phases));
  EXPECT_EQ(shards.Adopt(phases), 0u);
  shards.PushRun(kAda, 0, 4, 4, 1.0f);
  EXPECT_EQ(shards.Adopt(phases), 2u);
  shards.PushRun(kAda, 0, 11, 2, 1.0f);  // of steps 2 and 3
  EXPECT_EQ(shards.Adopt(phases), 4u);

  Shards once(PhasePlan(PhaseText(0, kSynchronous)));
  EXPECT_EQ(once.Adopt(PhaseText(0, kSynchronous)), 1u);
  once.PushStepOfAll(0, 1.0f);
  EXPECT_EQ(once.Adopt(PhaseText(0, kSynchronous)), 2u);
}

TEST(PhaseTest, WhatComesEarlyWaitsForItsPhase) {
  Shards shards(PhasePlan(PhaseText(0, kSynchronous) +
                          PhaseText(1, kAsynchronous) +
                          PhaseText(2, kSynchronous)));
  shards.Read(kAda, 0, 4);
  shards.Tick(kBob, 1, 4);
  shards.Pull(2);
  EXPECT_TRUE(shards.Silent());
  shards.PushStep(0, 4.0f);
  EXPECT_FLOAT_EQ(shards.Descent(shards.Reply()), kRate);
  shards.PushRun(kAda, 0, 4, 4, 4.0f);
  EXPECT_FLOAT_EQ(shards.Descent(shards.BlockAndAck()), 2 * kRate);
}

TEST(PhaseTest, ThePastPhaseIsAnsweredForTheSakeOfOtherBlocks) {
  Shards shards(
      PhasePlan(PhaseText(0, kAsynchronous) + PhaseText(1, kSynchronous)));
  shards.PushRun(kAda, 0, 0, 4, 4.0f);
  shards.ExpectAck(/*repeat=*/false);
  EXPECT_EQ(shards.DescentNow(), kRate);
  // Block 0 is a phase ahead.
  shards.Read(kBob, 3, 2);
  EXPECT_FLOAT_EQ(shards.Descent(shards.Reply()), kRate);
  shards.PushRun(kBob, 3, 2, 2, 1.0f);
  shards.ExpectAck(/*repeat=*/true);
  shards.PushRun(kBob, 0, 4, 1, 1.0f);  // of a phase that has no runs
  shards.ExpectError(absl::StatusCode::kFailedPrecondition);
  EXPECT_FLOAT_EQ(shards.DescentNow(), kRate);
}

TEST(PhaseTest, AReadToMeasureWaitsForItsSteps) {
  Shards shards(
      PhasePlan(PhaseText(0, kSynchronous) + PhaseText(1, kAsynchronous)));
  shards.Read(kAda, /*clock=*/1, kAnyPosition);
  EXPECT_TRUE(shards.Silent());
  shards.PushStep(0, 4.0f);
  EXPECT_FLOAT_EQ(shards.Descent(shards.Reply()), kRate);
}

TEST(PhaseTest, TheLastVersionIsThereWhenAllIsCounted) {
  Shards shards(PhasePlan(PhaseText(0, kAsynchronous), 1, /*steps=*/1));
  shards.Pull(1);
  EXPECT_TRUE(shards.Silent());
  shards.PushRun(kAda, 0, 2, 2, 1.0f);
  shards.ExpectAck(/*repeat=*/false);
  shards.PushRun(kAda, 1, 0, 2, 1.0f);
  EXPECT_FLOAT_EQ(shards.Descent(shards.BlockAndAck()),
                  2 * kRate / kMicroBatches);
}

// Two changes one after the other: block 0 had begun the phase of the first
// when the second took its place.
TEST(PhaseTest, APhaseThatHasNoWorkYetMakesWayForAnother) {
  const std::string before = PhaseText(0, kSynchronous);
  Shards shards(PhasePlan(before));
  EXPECT_EQ(shards.Adopt(before), 1u);
  shards.Adopt(before + PhaseText(1, kAsynchronous));
  shards.PushStep(0, 4.0f);  // block 0 alone
  EXPECT_EQ(shards.Adopt(before + PhaseText(1, kAsynchronous)), 1u);
  shards.Adopt(before + PhaseText(1,
                                  "mode: SYNCHRONOUS local_steps: 2 "
                                  "outer { learning_rate: 3 }"));
  EXPECT_FLOAT_EQ(shards.DescentNow(), kRate);
  shards.PushStep(1, 4.0f);
  EXPECT_FLOAT_EQ(shards.DescentNow(), kRate + 3);
}

// The outer optimizer of local steps has a state of its own.
TEST(PhaseTest, LocalStepsAreAppliedByTheOuterOptimizer) {
  Plan plan = PhasePlan(PhaseText(0, kSynchronous));
  plan.mutable_spec()->mutable_optimizer()->mutable_adam()->set_beta1(0.9);
  plan.mutable_spec()->mutable_optimizer()->mutable_adam()->set_beta2(0.99);
  const std::string before = PhaseText(0, kSynchronous);
  Shards shards(plan);
  EXPECT_EQ(shards.Adopt(before), 1u);
  shards.Adopt(before + PhaseText(1, kAsynchronous));
  shards.PushStep(0, 4.0f);
  shards.Adopt(before + PhaseText(1, kAsynchronous));
  shards.Adopt(before + PhaseText(1,
                                  "mode: ASYNCHRONOUS local_steps: 2 "
                                  "outer { learning_rate: 3 }"));
  const float descent = shards.DescentNow();
  shards.PushRun(kAda, 0, 4, 4, 8.0f);
  shards.ExpectAck(/*repeat=*/false);
  EXPECT_FLOAT_EQ(shards.DescentNow(), descent + 3 * 2);
}

// Norms are gathered step by step; there are none where workers clip.
TEST(ClippingTest, GoesOnAfterAPhaseWithoutNorms) {
  for (const char* between :
       {kAsynchronous, "mode: SYNCHRONOUS local_steps: 2"}) {
    Plan plan = PhasePlan(PhaseText(0, kSynchronous) + PhaseText(1, between) +
                              PhaseText(5, kSynchronous),
                          /*servers=*/2, /*steps=*/20);
    plan.mutable_spec()->mutable_optimizer()->set_clip_global_norm(1e-3);
    Shards shards(plan);
    shards.PushStepOfAll(0, 4.0f);
    ASSERT_EQ(shards.Version(), 1u);
    for (uint64_t step = 1; step < 5; ++step) {
      if (between == kAsynchronous) {
        shards.PushRunOfAll(kAda, step - 1, step * kMicroBatches, 4, 4.0f);
      } else {
        shards.PushStepOfAll(step, 4.0f);
      }
    }
    for (uint64_t step = 5; step < 9; ++step) {
      ASSERT_EQ(shards.Version(), step);
      shards.PushStepOfAll(step, 4.0f);
    }
    EXPECT_EQ(shards.Version(), 9u);
  }
}

}  // namespace
}  // namespace hawser
