#include "scheduler/etcd/election.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"

namespace hawser {
namespace {

// Until the clock is looked at again, whatever is waited for.
constexpr absl::Duration kLongestWait = absl::Seconds(1);
// A wait may end a hair early, by this clock.
constexpr absl::Duration kShortestWait = absl::Milliseconds(1);

Leadership::Holder HolderOf(const etcdserverpb::KeyValue& pair) {
  return {pair.create_revision(), pair.lease(), pair.value()};
}

}  // namespace

Election::Election(Options options, EtcdClient* etcd, const Clock* clock,
                   Threads* threads)
    : options_(std::move(options)),
      etcd_(etcd),
      clock_(clock),
      threads_(threads),
      leadership_({options_.lease}) {}

Election::~Election() { Stop(); }

void Election::Start(const LeaderAddress& address) {
  address_ = ToText(address);
  thread_ = threads_->Start([this] { Run(); });
}

void Election::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
}

void Election::Stop() {
  int64_t lease = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (std::exchange(stopping_, true)) return;
    closed_ = true;
    leadership_.Resign(clock_->Now());
    changed_ = true;
    lease = leadership_.old_lease();
  }
  if (thread_ != nullptr) thread_->Join();
  if (lease != 0) etcd_->Revoke(lease).IgnoreError();  // it ends by itself, too
}

bool Election::AwaitOffice() {
  absl::MutexLock lock(&mutex_);
  const auto over = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return closed_ || leadership_.Leads(clock_->Now()).has_value();
  };
  threads_->Await(&mutex_, absl::Condition(&over));
  return !closed_;
}

void Election::AwaitLoss() {
  absl::MutexLock lock(&mutex_);
  const auto over = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return closed_ || !leadership_.Leads(clock_->Now()).has_value();
  };
  // Nothing wakes it when the lease just ends.
  while (!threads_->AwaitFor(&mutex_, absl::Condition(&over), kLongestWait)) {
  }
}

void Election::Resign() {
  absl::MutexLock lock(&mutex_);
  leadership_.Resign(clock_->Now());
  changed_ = true;
}

std::optional<int64_t> Election::Leads() const {
  absl::MutexLock lock(&mutex_);
  return leadership_.Leads(clock_->Now());
}

void Election::Lost(int64_t revision) {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = clock_->Now();
  if (leadership_.Leads(now) != revision) return;
  LOG(WARNING) << "another scheduler leads, or the key " << options_.key
               << " was removed";
  leadership_.Resign(now);
  changed_ = true;
}

std::string Election::Describe() const {
  absl::MutexLock lock(&mutex_);
  if (!problem_.ok()) {
    return absl::StrCat("etcd does not answer: ", problem_.message());
  }
  if (!leadership_.holder().has_value()) return "nobody leads yet";
  return absl::StrCat(LeaderAddressOf(leadership_.holder()->address).rpc,
                      " leads");
}

std::string Election::LeadersDashboard() const {
  absl::MutexLock lock(&mutex_);
  if (!problem_.ok() || !leadership_.holder().has_value()) return "";
  return LeaderAddressOf(leadership_.holder()->address).dashboard;
}

void Election::Run() {
  for (;;) {
    Leadership::Step step = Leadership::Step::kWait;
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
      const absl::Time now = clock_->Now();
      LOG_IF(WARNING, leadership_.Tick(now))
          << "leads no more: etcd has not renewed the lease in time";
      step = leadership_.NextStep(now);
      if (step == Leadership::Step::kWait) {
        changed_ = false;
        threads_->AwaitFor(&mutex_, absl::Condition(&changed_),
                           std::clamp(leadership_.NextDeadline() - now,
                                      kShortestWait, kLongestWait));
      }
    }
    Take(step);
  }
}

void Election::Take(Leadership::Step step) {
  switch (step) {
    case Leadership::Step::kWait:
      return;
    case Leadership::Step::kLook:
      return Look();
    case Leadership::Step::kAskForLease:
      return AskForLease();
    case Leadership::Step::kClaim:
      return Claim();
    case Leadership::Step::kRenew:
      return Renew();
    case Leadership::Step::kGiveUpLease:
      return GiveUpLease();
  }
}

void Election::Fail(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  if (problem_.ok()) LOG(WARNING) << "etcd: " << status.message();
  problem_ = status;
  leadership_.Failed(clock_->Now());
}

void Election::Look() {
  etcdserverpb::RangeRequest request;
  request.set_key(options_.key);
  const auto response = etcd_->Range(request);
  if (!response.ok()) return Fail(response.status());
  std::optional<Leadership::Holder> holder;
  if (response->kvs_size() != 0) holder = HolderOf(response->kvs(0));
  absl::MutexLock lock(&mutex_);
  LOG_IF(INFO, !problem_.ok()) << "etcd answers again";
  problem_ = absl::OkStatus();
  if (holder.has_value() &&
      (!leadership_.holder().has_value() ||
       leadership_.holder()->revision != holder->revision)) {
    LOG(INFO) << "stands by; " << LeaderAddressOf(holder->address).rpc
              << " leads";
  }
  leadership_.Looked(holder, clock_->Now());
}

void Election::AskForLease() {
  const absl::Time sent = clock_->Now();
  const auto lease = etcd_->Grant(options_.lease);
  if (!lease.ok()) return Fail(lease.status());
  absl::MutexLock lock(&mutex_);
  leadership_.Granted(lease->id, lease->time_to_live, sent, clock_->Now());
}

void Election::Claim() {
  etcdserverpb::TxnRequest request;
  auto* compare = request.add_compare();
  compare->set_target(etcdserverpb::Compare::CREATE);
  compare->set_key(options_.key);
  compare->set_create_revision(0);  // there is none
  auto* put = request.add_success()->mutable_request_put();
  put->set_key(options_.key);
  put->set_value(address_);
  {
    absl::MutexLock lock(&mutex_);
    put->set_lease(leadership_.lease());
  }
  // Either way: who has it now. It may have been made by an attempt of this
  // one's that was not answered.
  request.add_success()->mutable_request_range()->set_key(options_.key);
  request.add_failure()->mutable_request_range()->set_key(options_.key);
  const auto response = etcd_->Txn(request);
  if (!response.ok()) return Fail(response.status());
  const auto& found =
      response->responses(response->responses_size() - 1).response_range();
  if (found.kvs_size() == 0) {
    return Fail(absl::InternalError("the leader's key is not what was put"));
  }
  absl::MutexLock lock(&mutex_);
  const absl::Time now = clock_->Now();
  leadership_.Claimed(HolderOf(found.kvs(0)), now);
  LOG_IF(INFO, leadership_.Leads(now).has_value())
      << "leads, since etcd's revision " << found.kvs(0).create_revision();
}

void Election::Renew() {
  int64_t id = 0;
  {
    absl::MutexLock lock(&mutex_);
    id = leadership_.lease();
  }
  const absl::Time sent = clock_->Now();
  const auto lease = etcd_->KeepAlive(id);
  if (!lease.ok()) return Fail(lease.status());
  absl::MutexLock lock(&mutex_);
  problem_ = absl::OkStatus();
  if (leadership_.lease() != id) return;  // of an attempt that is over
  leadership_.Renewed(lease->time_to_live, sent, clock_->Now());
}

void Election::GiveUpLease() {
  int64_t id = 0;
  {
    absl::MutexLock lock(&mutex_);
    id = leadership_.old_lease();
  }
  const absl::Status status = etcd_->Revoke(id);
  if (!status.ok() && !absl::IsNotFound(status)) return Fail(status);
  absl::MutexLock lock(&mutex_);
  leadership_.LeaseGivenUp(id);
}

}  // namespace hawser
