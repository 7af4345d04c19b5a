#include "server/lease_desk.h"

#include <string>
#include <utility>

#include "common/crc32c.h"
#include "common/job/validation_chunks.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

// A request is some tens of bytes.
constexpr size_t kMaxRequestBytes = 4096;

OutgoingFrame LeaseFrame(const FrameHeader& request, const Lease& lease) {
  const auto payload = std::make_shared<std::string>(lease.SerializeAsString());
  FrameHeader header;
  header.kind = FrameKind::kLease;
  header.job = request.job;
  header.incarnation = request.incarnation;
  header.node = request.node;
  header.payload_bytes = static_cast<uint32_t>(payload->size());
  header.payload_crc32c = Crc32c(payload->data(), payload->size());
  return {
      EncodeFrameHeader(header), payload, {payload->data(), payload->size()}};
}

}  // namespace

LeaseDesk::LeaseDesk(const Plan& plan, const Clock* clock,
                     std::function<void()> on_waiting, Replicate replicate,
                     bool is_filling)
    : clock_(clock),
      on_waiting_(std::move(on_waiting)),
      plan_(replicate == nullptr ? Plan() : plan),
      replicate_(std::move(replicate)),
      is_filling_(is_filling),
      incarnation_(plan.incarnation()),
      leases_(plan, ValidationChunks(plan.validation_samples())) {}

void LeaseDesk::Adopt(const Plan& plan, Replicate replicate, bool is_filling) {
  absl::MutexLock lock(&mutex_);
  if (replicate != nullptr) plan_ = plan;
  replicate_ = std::move(replicate);
  is_filling_ = is_filling;
  incarnation_ = plan.incarnation();
  RefuseWaiting();
  leases_.Adopt(plan);
}

void LeaseDesk::Close() {
  absl::MutexLock lock(&mutex_);
  incarnation_ = 0;
  RefuseWaiting();
}

void LeaseDesk::RefuseWaiting() {
  for (const auto& [node, waiting] : waiting_) {
    waiting.sink->Send(
        ErrorFrame(waiting.header,
                   StaleIncarnation(waiting.header.incarnation, incarnation_)));
  }
  waiting_.clear();
}

void LeaseDesk::Handle(IncomingFrame frame) {
  bool waits = false;
  {
    absl::MutexLock lock(&mutex_);
    const absl::Status status = Request(frame);
    if (!status.ok()) frame.sink->Send(ErrorFrame(frame.header, status));
    waits = waiting_.count(frame.header.node) != 0;
  }
  if (waits) on_waiting_();
  frame.done();
}

absl::Status LeaseDesk::Request(const IncomingFrame& frame) {
  const FrameHeader& header = frame.header;
  if (header.incarnation != incarnation_) {
    return StaleIncarnation(header.incarnation, incarnation_);
  }
  if (header.payload_bytes > kMaxRequestBytes) {
    return absl::InvalidArgumentError("a lease request of so many bytes");
  }
  std::string payload;
  for (const absl::Span<const char> piece : frame.pieces) {
    payload.append(piece.data(), piece.size());
  }
  LeaseRequest request;
  if (!request.ParseFromString(payload)) {
    return absl::InvalidArgumentError("a lease request that cannot be read");
  }
  MicroBatchLeases::Grants grants;
  const absl::Status status =
      leases_.Request(header.node, request, clock_->Now(), &grants);
  // What is late must not take the place of what waits.
  if (absl::IsAlreadyExists(status)) return absl::OkStatus();
  RETURN_IF_ERROR(status);
  waiting_[header.node] = {header, frame.sink, ++requests_};
  Answer(grants);
  return absl::OkStatus();
}

void LeaseDesk::Answer(const MicroBatchLeases::Grants& grants) {
  if (grants.empty()) return;
  if (replicate_ == nullptr || is_filling_) {
    Deliver(grants);
    return;
  }
  replicate_(Left(), [this, grants, requests = requests_] {
    absl::MutexLock lock(&mutex_);
    // To those who have asked since it is of no use.
    MicroBatchLeases::Grants wanted;
    for (const MicroBatchLeases::Grant& grant : grants) {
      const auto waiting = waiting_.find(grant.node);
      if (waiting == waiting_.end() || waiting->second.number > requests) {
        continue;
      }
      wanted.push_back(grant);
    }
    Deliver(wanted);
  });
}

void LeaseDesk::Deliver(const MicroBatchLeases::Grants& grants) {
  for (const MicroBatchLeases::Grant& grant : grants) {
    const auto waiting = waiting_.find(grant.node);
    if (waiting == waiting_.end()) continue;
    waiting->second.sink->Send(LeaseFrame(waiting->second.header, grant.lease));
    // One that is to advance its clock waits on.
    if (!grant.lease.has_advance_clock_to()) waiting_.erase(waiting);
  }
}

LeaseState LeaseDesk::Left() const {
  MicroBatchLeases left = leases_;
  left.Adopt(plan_);  // all leases are given back
  return left.Export();
}

LeaseState LeaseDesk::ExportToReplica() {
  absl::MutexLock lock(&mutex_);
  is_filling_ = false;
  return Left();
}

LeaseState LeaseDesk::Export() {
  absl::MutexLock lock(&mutex_);
  return leases_.Export();
}

absl::Status LeaseDesk::Restore(const LeaseState& state) {
  absl::MutexLock lock(&mutex_);
  return leases_.Restore(state);
}

std::optional<uint64_t> LeaseDesk::UnfinishedStep() {
  absl::MutexLock lock(&mutex_);
  return leases_.UnfinishedStep();
}

bool LeaseDesk::OrderCheckpoint(uint64_t step) {
  absl::MutexLock lock(&mutex_);
  return leases_.OrderCheckpoint(step);
}

void LeaseDesk::StepCompleted(uint64_t version) {
  absl::MutexLock lock(&mutex_);
  Answer(leases_.StepCompleted(version, clock_->Now()));
}

void LeaseDesk::Tick() {
  absl::MutexLock lock(&mutex_);
  Answer(leases_.Tick(clock_->Now()));
}

absl::Time LeaseDesk::NextDeadline() {
  absl::MutexLock lock(&mutex_);
  return leases_.NextDeadline(clock_->Now());
}

size_t LeaseDesk::waiting_workers() {
  absl::MutexLock lock(&mutex_);
  return waiting_.size();
}

}  // namespace hawser
