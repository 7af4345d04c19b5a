#include "scheduler/etcd/etcd_journal.h"

#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/crc32c.h"
#include "common/status_macros.h"
#include "glog/logging.h"
#include "proto/etcd_journal.pb.h"

namespace hawser {
namespace {

// Parts in one answer: 50 MiB at most.
constexpr int kPartsOfPage = 100;
constexpr absl::Duration kPause = absl::Milliseconds(50);

std::string HeadKey(const std::string& prefix) {
  return absl::StrCat(prefix, "/head");
}

// At least one, each with its checksum.
std::vector<std::string> Cut(const JournalBatch& batch, size_t part_bytes) {
  const std::string content = batch.SerializeAsString();
  std::vector<std::string> parts;
  size_t begin = 0;
  do {
    JournalPart part;
    part.set_content(content.substr(begin, part_bytes));
    begin += part.content().size();
    part.set_more(begin < content.size());
    part.set_crc32c(Crc32c(part.content().data(), part.content().size()));
    parts.push_back(part.SerializeAsString());
  } while (begin < content.size());
  return parts;
}

void CompareCreation(const std::string& key, int64_t revision,
                     etcdserverpb::TxnRequest* request) {
  auto* compare = request->add_compare();
  compare->set_target(etcdserverpb::Compare::CREATE);
  compare->set_key(key);
  compare->set_create_revision(revision);
}

void Put(const std::string& key, const std::string& value,
         etcdserverpb::TxnRequest* request) {
  auto* put = request->add_success()->mutable_request_put();
  put->set_key(key);
  put->set_value(value);
}

}  // namespace

EtcdJournal::EtcdJournal(EtcdClient* etcd, std::string prefix, LeaderSeat* seat,
                         Threads* threads, size_t part_bytes)
    : etcd_(etcd),
      prefix_(std::move(prefix)),
      seat_(seat),
      threads_(threads),
      part_bytes_(part_bytes) {}

std::string EtcdJournal::PartKey(uint64_t number) const {
  return absl::StrFormat("%s/journal/%020d", prefix_, number);
}

absl::Status EtcdJournal::CheckLeads() const {
  const int64_t revision = revision_;
  if (revision != 0 && seat_->Leads() == revision) return absl::OkStatus();
  return absl::UnavailableError(
      "this scheduler does not lead any more; another may");
}

absl::Status EtcdJournal::End(int64_t revision) {
  revision_ = 0;
  seat_->Lost(revision);
  return CheckLeads();
}

absl::Status EtcdJournal::Damaged(uint64_t number) const {
  return absl::DataLossError(absl::StrCat(
      "the journal in etcd is damaged at ", PartKey(number),
      "; restore etcd from a backup, or start with another --etcd-prefix"));
}

absl::StatusOr<etcdserverpb::TxnResponse> EtcdJournal::Commit(
    const etcdserverpb::TxnRequest& request) {
  bool may_have_happened = false;
  for (;;) {
    const absl::Status leads = CheckLeads();
    if (!leads.ok()) {
      End(revision_).IgnoreError();
      return leads;
    }
    auto response = etcd_->Txn(request);
    if (response.ok()) return response;
    if (absl::IsUnavailable(response.status())) {
      may_have_happened = true;
    } else if (!may_have_happened) {
      return response.status();
    }
    LOG_EVERY_N(WARNING, 20) << "an append to the journal is tried again: "
                             << response.status().message();
    threads_->Sleep(kPause);
  }
}

absl::StatusOr<etcdserverpb::RangeResponse> EtcdJournal::Read(
    const etcdserverpb::RangeRequest& request) {
  for (;;) {
    RETURN_IF_ERROR(CheckLeads());
    auto response = etcd_->Range(request);
    if (!absl::IsUnavailable(response.status())) return response;
    threads_->Sleep(kPause);
  }
}

// What every transaction proves, and what it looks at if that is not so.
etcdserverpb::TxnRequest EtcdJournal::Fenced() const {
  etcdserverpb::TxnRequest request;
  CompareCreation(seat_->key(), revision_, &request);
  if (has_head_) {
    auto* compare = request.add_compare();
    compare->set_target(etcdserverpb::Compare::VALUE);
    compare->set_key(HeadKey(prefix_));
    compare->set_value(absl::StrCat(head_.first, " ", head_.last));
  } else {
    CompareCreation(HeadKey(prefix_), 0, &request);
  }
  request.add_failure()->mutable_request_range()->set_key(seat_->key());
  request.add_failure()->mutable_request_range()->set_key(HeadKey(prefix_));
  return request;
}

absl::Status EtcdJournal::WritePart(uint64_t number, const std::string& part,
                                    const Head* new_head) {
  etcdserverpb::TxnRequest request = Fenced();
  Put(PartKey(number), part, &request);
  std::string new_value;
  if (new_head != nullptr) {
    new_value = absl::StrCat(new_head->first, " ", new_head->last);
    Put(HeadKey(prefix_), new_value, &request);
  }
  ASSIGN_OR_RETURN(const auto response, Commit(request));
  if (response.succeeded()) return absl::OkStatus();
  if (response.responses_size() != 2) {
    return absl::InternalError("etcd's answer is not to what was asked");
  }
  const auto& leader = response.responses(0).response_range();
  if (leader.kvs_size() == 0 || leader.kvs(0).create_revision() != revision_) {
    return End(revision_);
  }
  const auto& head = response.responses(1).response_range();
  if (head.kvs_size() == 1 && new_head != nullptr &&
      head.kvs(0).value() == new_value) {
    return absl::OkStatus();  // by an attempt that was not answered
  }
  End(revision_).IgnoreError();
  return absl::DataLossError(absl::StrCat(
      "the journal in etcd below ", prefix_,
      " has changed under its leader; does somebody else write there?"));
}

absl::Status EtcdJournal::Write(const std::vector<std::string>& parts,
                                const Head& head) {
  uint64_t number = head_.last;
  for (const std::string& part : parts) {
    ++number;
    const bool is_last = number == head_.last + parts.size();
    RETURN_IF_ERROR(WritePart(number, part, is_last ? &head : nullptr));
  }
  head_ = head;
  has_head_ = true;
  return absl::OkStatus();
}

absl::Status EtcdJournal::Append(const std::vector<JournalEvent>& events) {
  RETURN_IF_ERROR(CheckLeads());
  if (events.empty()) return absl::OkStatus();
  JournalBatch batch;
  batch.mutable_events()->Assign(events.begin(), events.end());
  const std::vector<std::string> parts = Cut(batch, part_bytes_);
  return Write(parts, {head_.first, head_.last + parts.size()});
}

absl::Status EtcdJournal::ReadHead() {
  etcdserverpb::RangeRequest request;
  request.set_key(HeadKey(prefix_));
  ASSIGN_OR_RETURN(const auto response, Read(request));
  head_ = Head();
  has_head_ = response.kvs_size() != 0;
  if (!has_head_) return absl::OkStatus();
  const std::vector<std::string> numbers =
      absl::StrSplit(response.kvs(0).value(), ' ');
  if (numbers.size() != 2 || !absl::SimpleAtoi(numbers[0], &head_.first) ||
      !absl::SimpleAtoi(numbers[1], &head_.last) || head_.first == 0 ||
      head_.first > head_.last) {
    return absl::DataLossError(absl::StrCat(
        "the key ", HeadKey(prefix_),
        " of etcd is not a journal's; restore "
        "etcd from a backup, or start with another --etcd-prefix"));
  }
  return absl::OkStatus();
}

absl::Status EtcdJournal::ReadEvents(
    const std::function<void(const JournalEvent&)>& apply) {
  std::string content;  // of the parts of one append so far
  uint64_t expected = head_.first;
  while (expected <= head_.last) {
    etcdserverpb::RangeRequest request;
    request.set_key(PartKey(expected));
    request.set_range_end(PartKey(head_.last + 1));
    request.set_limit(kPartsOfPage);
    ASSIGN_OR_RETURN(const auto page, Read(request));
    if (page.kvs_size() == 0) return Damaged(expected);
    for (const auto& pair : page.kvs()) {
      JournalPart part;
      if (pair.key() != PartKey(expected) ||
          !part.ParseFromString(pair.value()) ||
          Crc32c(part.content().data(), part.content().size()) !=
              part.crc32c()) {
        return Damaged(expected);
      }
      content += part.content();
      ++expected;
      if (part.more()) continue;
      JournalBatch batch;
      if (!batch.ParseFromString(content)) return Damaged(expected - 1);
      content.clear();
      for (const JournalEvent& event : batch.events()) apply(event);
    }
  }
  return content.empty() ? absl::OkStatus() : Damaged(head_.last);
}

absl::Status EtcdJournal::Replay(
    const std::function<void(const JournalEvent&)>& apply) {
  revision_ = seat_->Leads().value_or(0);
  RETURN_IF_ERROR(ReadHead());
  RETURN_IF_ERROR(ReadEvents(apply));
  RemoveOldParts();
  return absl::OkStatus();
}

absl::Status EtcdJournal::Rewrite(const Rewriter& rewrite) {
  std::vector<JournalEvent> events;
  RETURN_IF_ERROR(
      ReadEvents([&](const JournalEvent& event) { events.push_back(event); }));
  ASSIGN_OR_RETURN(const std::vector<JournalEvent> rewritten, rewrite(events));
  std::vector<std::string> parts;
  JournalBatch batch;
  size_t batch_bytes = 0;
  for (size_t i = 0; i < rewritten.size(); ++i) {
    *batch.add_events() = rewritten[i];
    batch_bytes += rewritten[i].ByteSizeLong();
    if (batch_bytes < part_bytes_ && i + 1 < rewritten.size()) continue;
    for (std::string& part : Cut(batch, part_bytes_)) {
      parts.push_back(std::move(part));
    }
    batch.Clear();
    batch_bytes = 0;
  }
  if (parts.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(Write(parts, {head_.last + 1, head_.last + parts.size()}));
  RemoveOldParts();
  return absl::OkStatus();
}

void EtcdJournal::RemoveOldParts() {
  if (head_.first <= 1) return;
  etcdserverpb::TxnRequest request = Fenced();
  auto* range = request.add_success()->mutable_request_delete_range();
  range->set_key(PartKey(0));
  range->set_range_end(PartKey(head_.first));
  const auto response = Commit(request);
  // The next replay tries again.
  LOG_IF(WARNING, !response.ok())
      << "old events stay in etcd: " << response.status();
}

}  // namespace hawser
