#include "scheduler/state/leadership.h"

#include <algorithm>

namespace hawser {
namespace {

// As parts of a lease: between two looks at who leads, between two renewals,
// and until what was not answered is asked again.
constexpr int kLooks = 10;
constexpr int kRenewals = 5;
constexpr int kRetries = 20;

}  // namespace

Leadership::Step Leadership::NextStep(absl::Time now) const {
  // It stands in the way of others.
  if (old_lease_ != 0) return Step::kGiveUpLease;
  if (now < next_try_) return Step::kWait;
  switch (state_) {
    case State::kStandby:
      return Step::kLook;
    case State::kCandidate:
      return lease_ == 0 ? Step::kAskForLease : Step::kClaim;
    case State::kLeader:
      return Step::kRenew;
  }
  return Step::kWait;
}

absl::Time Leadership::NextDeadline() const {
  if (old_lease_ != 0) return absl::InfinitePast();
  return lease_ == 0 ? next_try_ : std::min(next_try_, lease_over_);
}

void Leadership::StandBy(absl::Time now) {
  // One that could not be given up ends by itself.
  if (lease_ != 0) old_lease_ = lease_;
  lease_ = 0;
  lease_over_ = absl::InfinitePast();
  state_ = State::kStandby;
  holder_.reset();
  next_try_ = now;
}

void Leadership::Extend(absl::Duration time_to_live, absl::Time sent,
                        absl::Time now) {
  lease_over_ = sent + time_to_live - Margin();
  if (lease_over_ <= now) StandBy(now);
}

void Leadership::Looked(const std::optional<Holder>& holder, absl::Time now) {
  if (state_ != State::kStandby) return;
  holder_ = holder;
  next_try_ = now;
  if (holder.has_value()) {
    next_try_ += options_.lease / kLooks;
  } else {
    state_ = State::kCandidate;
  }
}

void Leadership::Granted(int64_t lease, absl::Duration time_to_live,
                         absl::Time sent, absl::Time now) {
  if (state_ != State::kCandidate || lease_ != 0) return;
  lease_ = lease;
  next_try_ = now;
  Extend(time_to_live, sent, now);
}

void Leadership::Claimed(const Holder& holder, absl::Time now) {
  if (state_ != State::kCandidate) return;
  if (holder.lease != lease_) {
    StandBy(now);
    holder_ = holder;
    return;
  }
  state_ = State::kLeader;
  holder_ = holder;
  next_try_ = now + options_.lease / kRenewals;
}

void Leadership::Renewed(absl::Duration time_to_live, absl::Time sent,
                         absl::Time now) {
  if (state_ != State::kLeader) return;
  if (time_to_live <= absl::ZeroDuration()) {
    StandBy(now);
    old_lease_ = 0;
    return;
  }
  next_try_ = now + options_.lease / kRenewals;
  Extend(time_to_live, sent, now);
}

void Leadership::LeaseGivenUp(int64_t lease) {
  if (old_lease_ == lease) old_lease_ = 0;
}

void Leadership::Failed(absl::Time now) {
  // It ends by itself; what it stands in the way of is more urgent.
  old_lease_ = 0;
  if (state_ == State::kStandby) holder_.reset();
  next_try_ = now + options_.lease / kRetries;
}

void Leadership::Resign(absl::Time now) {
  StandBy(now);
  next_try_ = now + options_.lease / kLooks;  // let others try, too
}

bool Leadership::Tick(absl::Time now) {
  if (lease_ == 0 || now < lease_over_) return false;
  const bool led = state_ == State::kLeader;
  StandBy(now);
  return led;
}

std::optional<int64_t> Leadership::Leads(absl::Time now) const {
  if (state_ != State::kLeader || now >= lease_over_) return std::nullopt;
  return holder_->revision;
}

}  // namespace hawser
