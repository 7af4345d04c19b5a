// Blocks and replicas that come to a server from others.
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "common/log/log_context.h"
#include "common/status_macros.h"
#include "glog/logging.h"
#include "server/block_fetch.h"
#include "server/server_driver.h"

namespace hawser {
namespace {

// Between two tries to fetch blocks from a server.
constexpr absl::Duration kFetchPause = absl::Milliseconds(10);

}  // namespace

// All that are to come, until they are here; false: other orders have come.
bool ServerDriver::FetchAll(uint64_t node, const Plan& plan,
                            ParameterShard* shard, ArrivalsOf missing) {
  for (;;) {
    const auto arrivals = (shard->*missing)();
    if (arrivals.empty()) return true;
    const absl::Status status = FetchFrom(node, plan, arrivals, shard);
    if (status.ok()) continue;
    LOG(WARNING) << "job " << plan.job() << ", blocks to come: " << status;
    if (!PauseForNextTry()) return false;
  }
}

void ServerDriver::FetchArrivals(uint64_t node, const Plan& plan) {
  if (ready_[plan.job()] == plan.incarnation()) return;
  const auto shard = Find(plan.job());
  if (shard == nullptr) return;
  if (!FetchAll(node, plan, shard.get(), &ParameterShard::Arrivals)) return;
  shard->Settle();
  ReportReady(plan);
}

void ServerDriver::FillReplicas(uint64_t node, const Plan& plan) {
  if (filled_[plan.job()] == plan.incarnation()) return;
  const auto shard = Find(plan.job());
  if (shard == nullptr || !shard->FillsHere()) return;
  const LogContext context(plan.spec().name());
  if (!FetchAll(node, plan, shard.get(), &ParameterShard::Fills)) return;
  filled_[plan.job()] = plan.incarnation();
  LOG(INFO) << "job " << plan.job() << " (" << plan.spec().name()
            << "), incarnation " << plan.incarnation() << ": replicas filled";
  ReportRequest report;
  report.mutable_replicas_filled();
  Send(plan.job(), plan.incarnation(), std::move(report));
}

// Those that come from the same server as the first.
absl::Status ServerDriver::FetchFrom(
    uint64_t node, const Plan& plan,
    const std::vector<ParameterShard::Arrival>& arrivals,
    ParameterShard* shard) {
  if (make_channel_ == nullptr) {
    return absl::FailedPreconditionError("no way to other servers");
  }
  const uint32_t from = arrivals.front().from;
  std::vector<BlockFetch::Wanted> blocks;
  for (const ParameterShard::Arrival& arrival : arrivals) {
    if (arrival.from == from) blocks.push_back({arrival.block, arrival.have});
  }
  const auto channel = make_channel_(plan.servers(static_cast<int>(from)));
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_ || orders_.has_value()) {
      return absl::CancelledError("other orders have come");
    }
    fetching_ = channel.get();
  }
  // However this ends: the channel goes with it.
  const auto forget = absl::MakeCleanup([this] {
    absl::MutexLock lock(&mutex_);
    fetching_ = nullptr;
  });
  BlockFetch fetch(&plan, node, channel.get());
  return fetch.Run(
      blocks, [&](uint32_t block, BlockContents contents) -> absl::Status {
        ASSIGN_OR_RETURN(const uint64_t step,
                         shard->Receive(block, std::move(contents)));
        uint64_t& untouched = untouched_[plan.job()];
        untouched = std::max(untouched, step);
        return absl::OkStatus();
      });
}

bool ServerDriver::PauseForNextTry() {
  absl::MutexLock lock(&mutex_);
  const auto changed = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return stopping_ || orders_.has_value();
  };
  return !threads_->AwaitFor(&mutex_, absl::Condition(&changed), kFetchPause);
}

}  // namespace hawser
