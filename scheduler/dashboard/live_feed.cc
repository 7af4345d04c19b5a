#include "scheduler/dashboard/live_feed.h"

#include <algorithm>
#include <utility>

#include "common/version.h"
#include "scheduler/dashboard/describe.h"

namespace hawser {
namespace {

// Events that are told at first.
constexpr int kFirstEvents = 200;

}  // namespace

LiveFeed::LiveFeed(Source source, std::string job)
    : source_(std::move(source)), name_(std::move(job)) {}

LiveUpdate LiveFeed::Next() {
  LiveUpdate update;
  update.set_version(kVersion);
  update.set_started_unix_ms(absl::ToUnixMillis(source_.started));
  const absl::Status leads = source_.driver->Readiness();
  if (!leads.ok()) {
    is_first_ = true;
    job_ = 0;
    update.set_all_jobs(true);  // there are none
    update.set_standing_by(std::string(leads.message()));
    if (source_.leaders_dashboard != nullptr) {
      update.set_leaders_dashboard(source_.leaders_dashboard());
    }
    return update;
  }
  source_.driver->Look([&](const ClusterState& state, absl::Time now) {
    update.set_unix_ms(absl::ToUnixMillis(now));
    TellJobs(state, now, &update);
    TellNodes(state, now, &update);
    if (name_.empty()) return;
    const auto job = state.FindJob(name_);
    if (job.ok()) {
      TellDetail(state, **job, now, &update);
    } else {
      update.set_problem(std::string(job.status().message()));
    }
  });
  is_first_ = false;
  return update;
}

void LiveFeed::TellJobs(const ClusterState& state, absl::Time now,
                        LiveUpdate* update) {
  update->set_all_jobs(is_first_);
  if (is_first_) revisions_.clear();
  std::map<uint64_t, uint64_t> revisions;
  for (const Job* job : state.Jobs()) {
    revisions[job->id()] = job->revision();
    const auto told = revisions_.find(job->id());
    if (told != revisions_.end() && told->second == job->revision()) continue;
    *update->add_jobs() = CardOf(*job, now);
  }
  for (const auto& [job, revision] : revisions_) {
    if (revisions.count(job) == 0) update->add_forgotten(job);
  }
  revisions_ = std::move(revisions);
}

void LiveFeed::TellNodes(const ClusterState& state, absl::Time now,
                         LiveUpdate* update) const {
  ListNodesResponse nodes;
  state.DescribeNodes(now, &nodes);
  uint32_t counts[Role_ARRAYSIZE] = {};
  uint32_t idle = 0;
  for (const NodeStatus& node : nodes.nodes()) {
    ++counts[node.role()];
    if (node.role() == WORKER && node.job().empty()) ++idle;
    if (!name_.empty() || update->nodes_size() == kMaxNodesShown) continue;
    *update->add_nodes() = CardOf(node);
  }
  update->set_workers(counts[WORKER]);
  update->set_servers(counts[SERVER]);
  update->set_idle_workers(idle);
}

void LiveFeed::TellDetail(const ClusterState& state, const Job& job,
                          absl::Time now, LiveUpdate* update) {
  const bool is_another = job_ != job.id();
  if (is_another) {
    job_ = job.id();
    detail_.clear();
    points_ = epochs_ = next_line_ = 0;
  }
  JobDetail detail = DetailOf(state, job, now);
  std::string told = detail.SerializeAsString();
  if (told != detail_) {
    *update->mutable_detail() = std::move(detail);
    detail_ = std::move(told);
  }
  update->mutable_curve()->set_reset(is_another);
  TellCurve(job, update->mutable_curve());
  *update->mutable_members() = MembersOf(state, job, now);
  TellEvents(job, update);
}

void LiveFeed::TellCurve(const Job& job, Curve* curve) {
  const ProgressCurve& training = job.progress().curve();
  const bool rolled_back = job.progress().epochs_finished() < epochs_;
  if (training.generation() != generation_ || rolled_back) {
    curve->set_reset(true);
  }
  if (curve->reset()) {
    generation_ = training.generation();
    points_ = epochs_ = 0;
  }
  for (; points_ < training.points().size(); ++points_) {
    *curve->add_training() = PointOf(job, training.points()[points_]);
  }
  for (const EpochMetrics& epoch : job.progress().finished()) {
    if (epoch.epoch() > epochs_) *curve->add_epochs() = PointOf(job, epoch);
  }
  epochs_ = job.progress().epochs_finished();
}

void LiveFeed::TellEvents(const Job& job, LiveUpdate* update) {
  GetJobLogResponse log;
  job.log().Read(next_line_, &log);
  const bool is_first = next_line_ == 0;
  next_line_ = log.next_line();
  const int skipped =
      is_first ? std::max(0, log.lines_size() - kFirstEvents) : 0;
  for (int i = skipped; i < log.lines_size(); ++i) {
    Event* event = update->add_events();
    event->set_unix_ms(log.lines(i).unix_ms());
    event->set_source(log.lines(i).source());
    event->set_text(log.lines(i).text());
  }
}

}  // namespace hawser
