// What a worker of the model does.
#include <algorithm>
#include <utility>

#include "gtest/gtest.h"
#include "server/state/lease_model_test_support.h"

namespace hawser {

void LeaseModel::Begin(uint64_t node) {
  ++workers_.at(node).attempt;
  Later(node, Message(), [this, node] { BeginPhase(node, Progress()); });
}

void LeaseModel::BeginPhase(uint64_t node, uint64_t step) {
  Worker& worker = workers_.at(node);
  worker.phase = schedule_.PhaseIndexOf(step);
  worker.over = false;
  if (!IsLeased(plan_, schedule_.phases()[worker.phase])) {
    BeginOwnStep(node, step);
    return;
  }
  LeaseRequest request;
  request.set_first(true);
  request.set_step(step);
  Ask(node, request);
}

// A worker that has its own micro-batches validates its own chunks, too.
void LeaseModel::BeginOwnStep(uint64_t node, uint64_t step) {
  Worker& worker = workers_.at(node);
  worker.own_step = step;
  const bool is_end = step == schedule_.EndOfPhase(worker.phase);
  if (is_end && step < schedule_.total_steps()) {
    BeginPhase(node, step);
    return;
  }
  MicroBatchRange range;
  for (const MicroBatchRange& each : plan_.workers()) {
    if (each.node() == node) range = each;
  }
  if (schedule_.EndsEpoch(step)) {
    const uint64_t chunks = job_.validation_chunks;
    const uint64_t first = chunks * range.first() / job_.micro_batches;
    const uint64_t last = chunks * range.last() / job_.micro_batches;
    audit_.Validated(step, {first, last - first});
  }
  if (is_end) {
    if (range.first() == 0 && range.last() != 0) audit_.Hashed();
    worker.over = true;
    return;
  }
  worker.own = true;
  worker.lease.Clear();
  worker.lease.mutable_run()->set_position(step * job_.micro_batches +
                                           range.first());
  worker.lease.mutable_run()->set_run(range.last() - range.first());
  Read(node);
}

void LeaseModel::Ask(uint64_t node, LeaseRequest request) {
  workers_.at(node).asks = true;
  request.set_attempt(workers_.at(node).attempt);
  Later(node, Message(), [this, node, request] { Deliver(node, request); });
  if (!request.first() && draws_.Chance(options_.repeat_probability)) {
    Later(node, options_.message_seconds * (1 + 3 * draws_.Uniform()),
          [this, node, request] {
            // To one that is told that its phase is over it is another request.
            if (audit_.IsAtWork(node)) Deliver(node, request);
          });
  }
}

void LeaseModel::Report(uint64_t node, uint64_t done) {
  const Worker& worker = workers_.at(node);
  LeaseRequest request;
  request.set_lease(worker.lease.number());
  request.set_done(static_cast<uint32_t>(done));
  request.set_seconds_per_micro_batch(1 / worker.speed);
  request.set_complete_steps(worker.complete_steps);
  Ask(node, request);
}

void LeaseModel::Deliver(uint64_t node, const LeaseRequest& request) {
  Print(node, "says " + request.ShortDebugString());
  audit_.Requested(node, request);
  workers_.at(node).stream = workers_.at(node).life;
  MicroBatchLeases::Grants grants;
  const absl::Status status = leases_->Request(node, request, now_, &grants);
  EXPECT_TRUE(status.ok() || absl::IsAlreadyExists(status)) << status;
  Grant(grants);
}

void LeaseModel::Grant(const MicroBatchLeases::Grants& grants) {
  for (const auto& [node, lease] : grants) {
    Print(node, "is told " + lease.ShortDebugString());
    audit_.Granted(node, lease, now_);
    const auto worker = workers_.find(node);
    if (worker == workers_.end() ||
        worker->second.stream != worker->second.life) {
      continue;
    }
    // One after the other, as on a stream.
    double& last = worker->second.last_grant;
    last = std::max(last, Seconds() + Message());
    LaterAt(node, last,
            [this, node = node, lease = lease] { Receive(node, lease); });
  }
}

void LeaseModel::Receive(uint64_t node, const Lease& lease) {
  Worker& worker = workers_.at(node);
  EXPECT_TRUE(worker.asks) << "worker " << node;
  if (lease.has_advance_clock_to()) {
    for (ModelBlock& block : blocks_) {
      block.Tick(node, worker.phase, lease.advance_clock_to());
    }
    Settle();
    return;
  }
  worker.asks = false;
  if (lease.has_phase_over_at()) {
    worker.over = lease.phase_over_at() == schedule_.total_steps();
    if (!worker.over) BeginPhase(node, lease.phase_over_at());
    return;
  }
  worker.lease = lease;
  worker.own = false;
  Read(node);
}

void LeaseModel::Read(uint64_t node) {
  Worker& worker = workers_.at(node);
  const Lease& lease = worker.lease;
  uint64_t version = worker.own ? worker.own_step
                                : lease.run().position() / job_.micro_batches;
  if (lease.has_hash()) version = lease.hash().step();
  bool pulls = lease.has_hash() || !on_arrival(worker);
  bool takes_any = false;
  if (lease.has_validation()) {
    version = lease.validation().step();
    takes_any = on_arrival(worker) ||
                version < schedule_.phases()[worker.phase].from_step();
    pulls = !takes_any;
  }
  worker.unread.clear();
  for (size_t b = 0; b < blocks_.size(); ++b) worker.unread.insert(b);
  for (size_t b = 0; b < blocks_.size(); ++b) {
    const uint64_t token = next_token_++;
    reads_[token] = {node, worker.life};
    auto answer = ModelBlock::Answer::kServed;
    if (takes_any) {
      blocks_[b].Tick(node, worker.phase, lease.validation().clock());
    } else if (pulls) {
      answer = blocks_[b].Pull(version, token);
    } else {
      answer = blocks_[b].Read(node, worker.phase, lease.run().clock(), token);
    }
    if (answer == ModelBlock::Answer::kPast) {
      EXPECT_TRUE(lease.has_run()) << "version " << version << " is past";
      ++worker.life;  // no other block's answer is waited for
      worker.complete_steps = Progress();
      if (worker.own) {
        BeginPhase(node, worker.complete_steps);  // it has nothing to do
      } else {
        Report(node, 0);
      }
      return;
    }
    if (answer == ModelBlock::Answer::kServed) {
      reads_.erase(token);
      Served(node, b);
    }
  }
  Settle();
}

void LeaseModel::Served(uint64_t node, size_t block) {
  Worker& worker = workers_.at(node);
  const bool is_past =
      blocks_[block].version() >= schedule_.EndOfPhase(worker.phase);
  if (worker.lease.has_run() && on_arrival(worker) && !is_past) {
    audit_.ReadServed(node, block, worker.lease.run().clock());
  }
  worker.unread.erase(block);
  if (!worker.unread.empty()) return;
  if (worker.lease.has_run()) {
    Compute(node);
  } else if (worker.lease.has_validation()) {
    Validate(node);
  } else {
    audit_.Hashed();
    Report(node, 1);
  }
}

void LeaseModel::Compute(uint64_t node) {
  Worker& worker = workers_.at(node);
  const double seconds = 1 / worker.speed;
  const double window =
      schedule_.phases()[worker.phase].synchronisation().staleness_seconds();
  worker.done = worker.lease.run().run();
  double taken = static_cast<double>(worker.done) * seconds;
  if (on_arrival(worker) && window > 0) {
    worker.done = 1;
    while (worker.done < worker.lease.run().run() &&
           static_cast<double>(worker.done) * seconds + worker.pause_seconds <
               window) {
      ++worker.done;
    }
    taken = static_cast<double>(worker.done) * seconds;
  }
  taken += worker.pause_seconds;
  worker.pause_seconds = 0;
  Later(node, taken, [this, node] { Push(node, 0); });
}

// Block after block, beginning anywhere: what is lost on the way has been
// counted by some of them.
void LeaseModel::Push(uint64_t node, size_t pushes) {
  if (workers_.at(node).done == 0) pushes = blocks_.size();
  if (pushes < blocks_.size()) {
    PushToBlock(node, (node + pushes) % blocks_.size());
    if (draws_.Chance(options_.forgets_probability)) {
      StartOver(node);
      return;
    }
    if (workers_.size() > 1 && draws_.Chance(options_.loss_probability)) {
      Lose(node);
      return;
    }
    Later(node, Message(), [this, node, pushes] { Push(node, pushes + 1); });
    return;
  }
  const Worker& worker = workers_.at(node);
  if (worker.own) {
    BeginOwnStep(node, worker.own_step + 1);
  } else {
    Report(node, worker.done);
  }
}

void LeaseModel::PushToBlock(uint64_t node, size_t block) {
  const Worker& worker = workers_.at(node);
  const RunLease& lease = worker.lease.run();
  if (on_arrival(worker)) {
    const uint64_t before = blocks_[block].version();
    blocks_[block].PushOnArrival(node, {lease.position(), worker.done},
                                 lease.clock());
    audit_.Reached(before, blocks_[block].version(), blocks_[block].counted());
  } else {
    blocks_[block].PushToStep({lease.position(), worker.done});
  }
  if (!worker.own) audit_.Pushed(node, block);
  Settle();
}

void LeaseModel::Validate(uint64_t node) {
  const ValidationLease lease = workers_.at(node).lease.validation();
  const hawser::Run chunks = {lease.first_chunk(),
                              lease.last_chunk() - lease.first_chunk()};
  const double seconds = static_cast<double>(chunks.count) *
                         options_.chunk_seconds / workers_.at(node).speed;
  Later(node, seconds, [this, node, lease, chunks] {
    audit_.Validated(lease.step(), chunks);
    Report(node, chunks.count);
  });
}

}  // namespace hawser
