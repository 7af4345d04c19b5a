#include "scheduler/etcd/etcd_journal.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/manual_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/etcd/memory_etcd.h"

namespace hawser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The leader's key is made and removed by the test.
class Seat : public LeaderSeat {
 public:
  Seat(MemoryEtcd* etcd, std::string owner)
      : etcd_(etcd), owner_(std::move(owner)) {}

  void Take() {
    etcd_->Put(key_, owner_);
    etcdserverpb::RangeRequest request;
    request.set_key(key_);
    revision_ = etcd_->Range(request)->kvs(0).create_revision();
  }

  const std::string& key() const override { return key_; }
  std::optional<int64_t> Leads() const override { return revision_; }
  void Lost(int64_t revision) override {
    if (revision_ == revision) revision_.reset();
  }

 private:
  MemoryEtcd* const etcd_;
  const std::string owner_;
  const std::string key_ = "/h/leader";
  std::optional<int64_t> revision_;
};

// Does as it is told with the next transactions, and with all others as asked.
class FaultyEtcd : public EtcdClient {
 public:
  enum class Fate { kServed, kRequestLost, kAnswerLost, kLate, kRefused };

  explicit FaultyEtcd(MemoryEtcd* etcd) : etcd_(etcd) {}

  absl::StatusOr<etcdserverpb::RangeResponse> Range(
      const etcdserverpb::RangeRequest& request) override {
    return etcd_->Range(request);
  }
  absl::StatusOr<etcdserverpb::TxnResponse> Txn(
      const etcdserverpb::TxnRequest& request) override {
    ++transactions;
    const Fate fate = fates.empty() ? Fate::kServed : fates.front();
    if (!fates.empty()) fates.erase(fates.begin());
    if (before_transaction != nullptr) before_transaction();
    switch (fate) {
      case Fate::kServed:
        return etcd_->Txn(request);
      case Fate::kAnswerLost:
        etcd_->Txn(request).IgnoreError();
        break;
      case Fate::kLate:
        late.push_back(request);
        break;
      case Fate::kRefused:
        return absl::ResourceExhaustedError("mvcc: database space exceeded");
      case Fate::kRequestLost:
        break;
    }
    return absl::UnavailableError("lost");
  }
  absl::StatusOr<Lease> Grant(absl::Duration time_to_live) override {
    return etcd_->Grant(time_to_live);
  }
  absl::StatusOr<Lease> KeepAlive(int64_t lease) override {
    return etcd_->KeepAlive(lease);
  }
  absl::Status Revoke(int64_t lease) override { return etcd_->Revoke(lease); }

  // What was late arrives.
  void Deliver() {
    for (const auto& request : late) etcd_->Txn(request).IgnoreError();
    late.clear();
  }

  std::vector<Fate> fates;
  std::vector<etcdserverpb::TxnRequest> late;
  std::function<void()> before_transaction;
  int transactions = 0;

 private:
  MemoryEtcd* const etcd_;
};

// Threads that never wait.
class Impatient : public Threads {
 public:
  std::unique_ptr<Thread> Start(std::function<void()>) override {
    return nullptr;
  }
  bool AwaitFor(absl::Mutex*, const absl::Condition&, absl::Duration) override {
    return true;
  }
  void Sleep(absl::Duration) override {}
};

JournalEvent Event(uint64_t number) {
  JournalEvent event;
  event.mutable_numbers_reserved()->set_limit(number);
  return event;
}

class EtcdJournalTest : public testing::Test {
 protected:
  using Fate = FaultyEtcd::Fate;

  EtcdJournalTest() { a_seat.Take(); }

  static std::vector<uint64_t> Read(EtcdJournal* journal) {
    std::vector<uint64_t> numbers;
    const absl::Status status = journal->Replay([&](const JournalEvent& event) {
      numbers.push_back(event.numbers_reserved().limit());
    });
    EXPECT_TRUE(status.ok()) << status;
    return numbers;
  }
  // By the other scheduler, which leads from then on.
  std::vector<uint64_t> ReadByOther() {
    memory.Delete("/h/leader");
    b_seat.Take();
    return Read(&b);
  }

  ManualClock clock{absl::FromUnixSeconds(1000)};
  Impatient threads;
  MemoryEtcd memory{&clock};
  FaultyEtcd etcd{&memory};
  Seat a_seat{&memory, "a"};
  Seat b_seat{&memory, "b"};
  EtcdJournal a{&etcd, "/h", &a_seat, &threads};
  EtcdJournal b{&etcd, "/h", &b_seat, &threads};
};

TEST_F(EtcdJournalTest, WhatIsAppendedIsFoundByTheNextLeader) {
  EXPECT_THAT(Read(&a), IsEmpty());
  EXPECT_TRUE(a.Append({Event(1)}).ok());
  EXPECT_TRUE(a.Append({Event(2), Event(3)}).ok());
  EXPECT_TRUE(a.Append({}).ok());
  EXPECT_THAT(ReadByOther(), ElementsAre(1, 2, 3));
  EXPECT_TRUE(b.Append({Event(4)}).ok());
  memory.Delete("/h/leader");
  a_seat.Take();
  EXPECT_THAT(Read(&a), ElementsAre(1, 2, 3, 4));
}

TEST_F(EtcdJournalTest, AnAppendIsOneTransaction) {
  Read(&a);
  EXPECT_TRUE(a.Append({Event(1), Event(2), Event(3)}).ok());
  EXPECT_EQ(etcd.transactions, 1);
}

TEST_F(EtcdJournalTest, WhoDoesNotLeadAppendsNothing) {
  Read(&a);
  EXPECT_TRUE(a.Append({Event(1)}).ok());
  EXPECT_THAT(ReadByOther(), ElementsAre(1));
  // It does not know yet.
  EXPECT_TRUE(a.CheckLeads().ok());
  EXPECT_TRUE(absl::IsUnavailable(a.Append({Event(2)})));
  EXPECT_TRUE(absl::IsUnavailable(a.CheckLeads()));
  EXPECT_FALSE(a_seat.Leads().has_value());
  EXPECT_TRUE(absl::IsUnavailable(a.Append({Event(3)})));
  EXPECT_THAT(Read(&b), ElementsAre(1));
}

TEST_F(EtcdJournalTest, NobodyAppendsBeforeItHasReplayed) {
  EXPECT_TRUE(absl::IsUnavailable(a.Append({Event(1)})));
  EXPECT_EQ(etcd.transactions, 0);
}

TEST_F(EtcdJournalTest, WhatIsNotAnsweredIsSentAgainAndCountsOnce) {
  for (const Fate fate : {Fate::kRequestLost, Fate::kAnswerLost, Fate::kLate}) {
    const std::vector<uint64_t> before = Read(&a);
    etcd.fates = {fate, fate};
    EXPECT_TRUE(a.Append({Event(7)}).ok());
    etcd.Deliver();
    EXPECT_EQ(Read(&a).size(), before.size() + 1);
  }
}

// It may have happened, and nobody was told that it has not.
TEST_F(EtcdJournalTest, WhoLosesOfficeWhileItAsksIsAtItsEnd) {
  Read(&a);
  etcd.fates = {Fate::kLate};
  etcd.before_transaction = [this] {
    if (a_seat.Leads().has_value()) a_seat.Lost(*a_seat.Leads());
  };
  EXPECT_TRUE(absl::IsUnavailable(a.Append({Event(1)})));
  etcd.before_transaction = nullptr;
  EXPECT_THAT(ReadByOther(), IsEmpty());
  etcd.Deliver();  // too late: another leads
  EXPECT_THAT(Read(&b), IsEmpty());
  EXPECT_TRUE(b.Append({Event(2)}).ok());
  EXPECT_THAT(Read(&b), ElementsAre(2));
}

TEST_F(EtcdJournalTest, WhatEtcdRefusesHasNotHappened) {
  Read(&a);
  etcd.fates = {Fate::kRefused};
  const absl::Status status = a.Append({Event(1)});
  EXPECT_THAT(std::string(status.message()), HasSubstr("space"));
  EXPECT_TRUE(a.Append({Event(2)}).ok());
  EXPECT_THAT(ReadByOther(), ElementsAre(2));
}

// The refusal is of the second attempt; the first may have happened.
TEST_F(EtcdJournalTest, ARefusalAfterALostAnswerIsNotBelieved) {
  Read(&a);
  etcd.fates = {Fate::kAnswerLost, Fate::kRefused};
  EXPECT_TRUE(a.Append({Event(1)}).ok());
  EXPECT_THAT(ReadByOther(), ElementsAre(1));
}

TEST_F(EtcdJournalTest, LargeAppendsAreCutAndCountWholeOrNotAtAll) {
  EtcdJournal small(&etcd, "/h", &a_seat, &threads, /*part_bytes=*/4);
  Read(&small);
  std::vector<JournalEvent> events;
  for (uint64_t i = 1; i <= 20; ++i) events.push_back(Event(i));
  EXPECT_TRUE(small.Append(events).ok());
  EXPECT_GT(etcd.transactions, 10);
  const int needed = etcd.transactions;
  EXPECT_EQ(Read(&small).size(), 20);
  // It is lost in the middle.
  etcd.transactions = 0;
  etcd.before_transaction = [&] {
    if (etcd.transactions == needed / 2) memory.Delete("/h/leader");
  };
  EXPECT_TRUE(absl::IsUnavailable(small.Append(events)));
  etcd.before_transaction = nullptr;
  EXPECT_EQ(ReadByOther().size(), 20);
  // What is left of it is written over.
  EXPECT_TRUE(b.Append({Event(21)}).ok());
  EXPECT_EQ(Read(&b).size(), 21);
}

// Keeps what is above 2.
absl::StatusOr<std::vector<JournalEvent>> Shorten(
    const std::vector<JournalEvent>& events) {
  std::vector<JournalEvent> left;
  for (const JournalEvent& event : events) {
    if (event.numbers_reserved().limit() > 2) left.push_back(event);
  }
  return left;
}

TEST_F(EtcdJournalTest, RewritesWhatItHolds) {
  EtcdJournal small(&etcd, "/h", &a_seat, &threads, /*part_bytes=*/4);
  Read(&small);
  for (uint64_t i = 1; i <= 6; ++i) EXPECT_TRUE(small.Append({Event(i)}).ok());
  const size_t keys = memory.size();
  EXPECT_TRUE(small.Rewrite(Shorten).ok());
  EXPECT_LT(memory.size(), keys);
  EXPECT_TRUE(small.Append({Event(7)}).ok());
  EXPECT_THAT(ReadByOther(), ElementsAre(3, 4, 5, 6, 7));
}

// Wherever it is lost, the journal is the old one or the new one.
TEST_F(EtcdJournalTest, ARewriteIsDoneWholeOrNotAtAll) {
  for (int lost_at = 1; lost_at < 20; ++lost_at) {
    MemoryEtcd other_memory(&clock);
    FaultyEtcd other(&other_memory);
    Seat seat(&other_memory, "a");
    seat.Take();
    EtcdJournal journal(&other, "/h", &seat, &threads, /*part_bytes=*/4);
    Read(&journal);
    for (uint64_t i = 1; i <= 6; ++i) {
      EXPECT_TRUE(journal.Append({Event(i)}).ok());
    }
    other.transactions = 0;
    other.before_transaction = [&] {
      if (other.transactions == lost_at) other_memory.Delete("/h/leader");
    };
    const bool done = journal.Rewrite(Shorten).ok();
    other.before_transaction = nullptr;
    other_memory.Delete("/h/leader");
    seat.Take();
    if (done) {
      EXPECT_THAT(Read(&journal), ElementsAre(3, 4, 5, 6));
    } else {
      EXPECT_THAT(Read(&journal), ElementsAre(1, 2, 3, 4, 5, 6));
    }
    EXPECT_TRUE(journal.Append({Event(7)}).ok());
    EXPECT_EQ(Read(&journal).back(), 7);
  }
}

TEST_F(EtcdJournalTest, DamageIsNamed) {
  Read(&a);
  EXPECT_TRUE(a.Append({Event(1)}).ok());
  EXPECT_TRUE(a.Append({Event(2)}).ok());
  const std::string key = "/h/journal/00000000000000000002";
  const std::string good = memory.Value(key);
  ASSERT_FALSE(good.empty());
  const auto says = [&](const std::string& what) {
    const absl::Status status = a.Replay([](const JournalEvent&) {});
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(what));
  };
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    memory.Put(key, bad);
    says(key);
  }
  memory.Delete(key);
  says(key);
  memory.Put(key, good);
  memory.Put("/h/head", "two");
  says("/h/head");
}

TEST_F(EtcdJournalTest, WhoeverElseWritesThereIsNoticed) {
  Read(&a);
  EXPECT_TRUE(a.Append({Event(1)}).ok());
  memory.Put("/h/head", "1 9");
  EXPECT_TRUE(absl::IsDataLoss(a.Append({Event(2)})));
  EXPECT_FALSE(a.CheckLeads().ok());
}

}  // namespace
}  // namespace hawser
