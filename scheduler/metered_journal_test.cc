#include "scheduler/metered_journal.h"

#include <string>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

// Each reading is a second later.
class CountingClock : public Clock {
 public:
  absl::Time Now() const override { return absl::FromUnixSeconds(++readings_); }

 private:
  mutable int64_t readings_ = 0;
};

class FullJournal : public Journal {
 public:
  absl::Status Append(const std::vector<JournalEvent>& events) override {
    if (is_full) return absl::ResourceExhaustedError("the disk is full");
    appended += events.size();
    return absl::OkStatus();
  }
  absl::Status Replay(
      const std::function<void(const JournalEvent&)>& apply) override {
    for (size_t i = 0; i < appended; ++i) apply(JournalEvent());
    return absl::OkStatus();
  }
  absl::Status Rewrite(const Rewriter& rewrite) override {
    const auto left = rewrite(std::vector<JournalEvent>(appended));
    if (left.ok()) appended = left->size();
    return left.status();
  }
  absl::Status CheckLeads() const override {
    return absl::UnavailableError("another scheduler leads");
  }

  bool is_full = false;
  size_t appended = 0;
};

TEST(MeteredJournalTest, HandsOnTheRest) {
  FullJournal below;
  below.appended = 3;
  const CountingClock clock;
  MeteredJournal journal(&below, &clock);
  EXPECT_TRUE(absl::IsUnavailable(journal.CheckLeads()));
  EXPECT_TRUE(journal
                  .Rewrite([](const std::vector<JournalEvent>&) {
                    return std::vector<JournalEvent>(1);
                  })
                  .ok());
  EXPECT_EQ(below.appended, 1u);
}

TEST(MeteredJournalTest, CountsWhatIsDurableAndWhatIsRefused) {
  FullJournal below;
  const CountingClock clock;
  MeteredJournal journal(&below, &clock);
  EXPECT_TRUE(journal.Append({JournalEvent(), JournalEvent()}).ok());
  below.is_full = true;
  EXPECT_EQ(journal.Append({JournalEvent()}),
            absl::ResourceExhaustedError("the disk is full"));
  int replayed = 0;
  EXPECT_TRUE(journal.Replay([&](const JournalEvent&) { ++replayed; }).ok());
  EXPECT_EQ(replayed, 2);

  MetricFamilies families;
  journal.CollectMetrics(&families);
  const std::string text = families.Text();
  EXPECT_THAT(text, HasSubstr("\nhawser_scheduler_journal_events_total 2\n"));
  EXPECT_THAT(text, HasSubstr("\nhawser_scheduler_journal_failures_total 1\n"));
  EXPECT_THAT(text,
              HasSubstr("hawser_scheduler_journal_append_seconds_count 2\n"));
  EXPECT_THAT(text,
              HasSubstr("hawser_scheduler_journal_append_seconds_sum 2\n"));
}

}  // namespace
}  // namespace hawser
