#include "scheduler/dashboard/describe.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/job/figures.h"
#include "common/metrics_proto.h"

namespace hawser {
namespace {

std::string LowerCase(const std::string& name) {
  return absl::AsciiStrToLower(name);
}

void Show(const Figures& figures, ShownFigures* shown) {
  shown->set_loss(figures.loss);
  if (figures.accuracy.has_value()) shown->set_accuracy(*figures.accuracy);
  if (figures.perplexity.has_value()) {
    shown->set_perplexity(*figures.perplexity);
  }
  if (figures.bits_per_byte.has_value()) {
    shown->set_bits_per_byte(*figures.bits_per_byte);
  }
}

uint64_t ValidationBytes(const Job& job) {
  return job.plan().has_value() ? job.plan()->validation_bytes() : 0;
}

std::string DataText(const DataSpec& data) {
  if (data.has_idx()) return absl::StrCat("images in ", data.idx().directory());
  if (data.has_text()) {
    return absl::StrCat("text: ", absl::StrJoin(data.text().files(), ", "));
  }
  return absl::StrCat("tokens: ", absl::StrJoin(data.tokens().train(), ", "));
}

std::string OptimizerText(const JobSpec& spec) {
  const char* name = "SGD";
  if (spec.optimizer().has_adam()) name = "Adam";
  if (spec.optimizer().has_adamw()) name = "AdamW";
  if (spec.optimizer().has_adagrad()) name = "Adagrad";
  return absl::StrFormat("%s, rate %g", name, spec.learning_rate().base());
}

void ShowMember(const ClusterState& state, uint64_t node, absl::Time now,
                auto* figures) {
  figures->set_node(node);
  const Member* member = state.FindMember(node);
  if (member == nullptr) return;
  figures->set_host(member->host);
  figures->set_process(member->process);
  figures->set_seconds_since_heartbeat(
      absl::ToDoubleSeconds(now - member->last_heartbeat));
}

void ShowWorkers(const ClusterState& state, const Job& job, absl::Time now,
                 MemberFigures* members) {
  std::map<uint64_t, LoadHistory::WorkerRate> rates;
  for (auto& rate : job.loads().Workers(now)) rates[rate.node] = rate;
  for (const MicroBatchRange& worker : job.plan()->workers()) {
    WorkerFigures* figures = members->add_workers();
    ShowMember(state, worker.node(), now, figures);
    const auto rate = rates.find(worker.node());
    if (rate == rates.end()) continue;
    figures->set_clock(rate->second.clock);
    figures->set_lag(rate->second.lag);
    figures->set_samples_per_second(rate->second.samples_per_second);
    figures->set_busy(rate->second.busy);
    figures->set_straggler(rate->second.straggler);
  }
}

void ShowServers(const ClusterState& state, const Job& job, absl::Time now,
                 MemberFigures* members) {
  const Plan& plan = *job.plan();
  std::vector<std::vector<uint32_t>> blocks(
      static_cast<size_t>(plan.servers_size()));
  std::vector<uint64_t> parameters(blocks.size(), 0);
  for (const Block& block : plan.blocks()) {
    blocks[block.server()].push_back(block.id());
    parameters[block.server()] += block.elements();
  }
  for (int i = 0; i < plan.servers_size(); ++i) {
    const auto index = static_cast<size_t>(i);
    const uint64_t node = plan.servers(i).node();
    ServerFigures* figures = members->add_servers();
    ShowMember(state, node, now, figures);
    figures->set_address(plan.servers(i).address());
    figures->set_blocks(static_cast<uint32_t>(blocks[index].size()));
    figures->set_block_ranges(RangesText(blocks[index]));
    figures->set_parameters(parameters[index]);
    figures->set_lost(job.IsLost(node) || state.FindMember(node) == nullptr);
    const LoadHistory::ServerRate rate = job.loads().Server(node, now);
    figures->set_pushes_per_second(rate.pushes_per_second);
    figures->set_push_bytes_per_second(rate.push_bytes_per_second);
  }
}

void ShowStaleness(const Job& job, MemberFigures* members) {
  const std::vector<uint64_t> pushes = job.loads().Staleness();
  if (std::all_of(pushes.begin(), pushes.end(),
                  [](uint64_t count) { return count == 0; })) {
    return;
  }
  for (size_t i = 0; i < pushes.size(); ++i) {
    StalenessClass* shown = members->add_staleness();
    shown->set_from(i == 0 ? 0 : uint64_t{1} << (i - 1));
    const bool is_last = i + 1 == pushes.size();
    shown->set_to(i == 0 || is_last ? 0 : (uint64_t{1} << i) - 1);
    shown->set_pushes(pushes[i]);
  }
}

}  // namespace

std::string RangesText(const std::vector<uint32_t>& numbers) {
  std::vector<std::string> ranges;
  for (size_t i = 0; i < numbers.size();) {
    size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    ranges.push_back(end == i + 1
                         ? absl::StrCat(numbers[i])
                         : absl::StrCat(numbers[i], "-", numbers[end - 1]));
    i = end;
  }
  return absl::StrJoin(ranges, ", ");
}

std::string SynchronisationText(const SynchronisationSpec& spec) {
  std::string text = "synchronous";
  if (spec.mode() == ASYNCHRONOUS) text = "asynchronous";
  if (spec.mode() == BOUNDED_STALENESS) {
    text = spec.staleness_seconds() > 0
               ? absl::StrFormat("staleness at most %g s",
                                 spec.staleness_seconds())
               : absl::StrCat("staleness at most ", spec.staleness());
  }
  if (spec.local_steps() > 1) {
    absl::StrAppend(&text, ", ", spec.local_steps(), " local steps");
  }
  return text;
}

std::string ModelText(const ModelSpec& model) {
  if (model.has_gpt()) {
    const GptSpec& gpt = model.gpt();
    return absl::StrCat("GPT, ", gpt.layers(), " layers of width ", gpt.width(),
                        ", context ", gpt.context());
  }
  return absl::StrCat("MLP ", absl::StrJoin(model.mlp().layer_sizes(), "-"));
}

JobCard CardOf(const Job& job, absl::Time now) {
  JobStatus status;
  job.DescribeBriefly(now, &status);
  const ModelSpec& model = job.spec().model();
  JobCard card;
  card.set_name(status.name());
  card.set_job(status.job());
  card.set_state(LowerCase(JobState_Name(status.state())));
  card.set_ended(job.ended());
  card.set_reason(status.reason());
  card.set_step(status.step());
  card.set_total_steps(status.total_steps());
  card.set_epoch(status.epoch());
  card.set_epochs(status.epochs());
  card.set_seconds_running(status.seconds_running());
  card.set_seconds_left(status.seconds_left());
  card.set_submitted_unix_ms(status.submitted_unix_ms());
  card.set_ended_unix_ms(status.ended_unix_ms());
  card.set_samples_per_second(status.samples_per_second());
  card.set_tokens_per_sample(TokensPerSample(model));
  if (model.has_gpt()) {
    card.set_tokens_per_second(status.samples_per_second() *
                               static_cast<double>(TokensPerSample(model)));
  }
  if (status.has_last_training()) {
    Show(TrainingFigures(status.last_training(), model),
         card.mutable_training());
  }
  if (status.last_epoch().has_validation()) {
    Show(ValidationFigures(status.last_epoch().validation(), model,
                           status.validation_bytes()),
         card.mutable_validation());
  }
  card.set_workers(job.spec().resources().workers());
  card.set_servers(job.servers_asked_for());
  card.set_model(ModelText(model));
  card.set_synchronisation(SynchronisationText(job.synchronisation()));
  return card;
}

JobDetail DetailOf(const ClusterState& state, const Job& job, absl::Time now) {
  JobStatus status;
  job.DescribeBriefly(now, &status);
  state.DescribeCheckpoints(job, &status);
  const JobSpec& spec = job.spec();
  JobDetail detail;
  detail.set_incarnation(status.incarnation());
  detail.set_parameters(static_cast<uint64_t>(job.layout().parameters));
  detail.set_data(DataText(spec.data()));
  detail.set_optimizer(OptimizerText(spec));
  detail.set_placement(absl::StrCat(
      spec.placement().policy() == BY_LAYER ? "by layer" : "by block", ", ",
      spec.scheduling().policy() == DYNAMIC ? "dynamic leases"
                                            : "static shares"));
  detail.set_global_batch(spec.schedule().global_batch());
  detail.set_micro_batches(spec.schedule().micro_batches());
  detail.set_seed(spec.seed());
  detail.set_output(status.output());
  detail.set_parameters_sha256(status.parameters_sha256());
  const int skipped =
      std::max(0, status.checkpoints_size() - kMaxCheckpointsShown);
  detail.mutable_checkpoints()->Add(status.checkpoints().begin() + skipped,
                                    status.checkpoints().end());
  detail.set_checkpoints_committed(
      static_cast<uint64_t>(status.checkpoints_size()));
  detail.set_checkpoints_failed(status.checkpoints_failed());
  detail.set_checkpoints_skipped(status.checkpoints_skipped());
  detail.set_checkpoint_problem(status.checkpoint_problem());
  detail.set_micro_batches_not_finite(status.micro_batches_not_finite());
  return detail;
}

MemberFigures MembersOf(const ClusterState& state, const Job& job,
                        absl::Time now) {
  MemberFigures members;
  if (!job.plan().has_value()) return members;
  if (!job.ended()) {
    ShowWorkers(state, job, now, &members);
    ShowServers(state, job, now, &members);
  }
  ShowStaleness(job, &members);
  return members;
}

TrainingPoint PointOf(const Job& job, const ProgressCurve::Point& point) {
  const Figures figures =
      TrainingFigures(ToProto(point.sums), job.spec().model());
  TrainingPoint shown;
  shown.set_step(point.step);
  shown.set_unix_ms(absl::ToUnixMillis(point.time));
  shown.set_loss(figures.loss);
  if (figures.accuracy.has_value()) shown.set_accuracy(*figures.accuracy);
  shown.set_samples_per_second(point.SamplesPerSecond());
  return shown;
}

EpochPoint PointOf(const Job& job, const EpochMetrics& epoch) {
  const ModelSpec& model = job.spec().model();
  EpochPoint shown;
  shown.set_epoch(epoch.epoch());
  shown.set_step(job.progress().StepsAtEndOf(epoch.epoch()));
  shown.set_seconds(epoch.seconds());
  Show(TrainingFigures(epoch.training(), model), shown.mutable_training());
  if (epoch.has_validation()) {
    Show(ValidationFigures(epoch.validation(), model, ValidationBytes(job)),
         shown.mutable_validation());
  }
  return shown;
}

NodeCard CardOf(const NodeStatus& node) {
  NodeCard card;
  card.set_node(node.node());
  card.set_role(LowerCase(Role_Name(node.role())));
  card.set_host(node.host());
  card.set_address(node.address());
  card.set_process(node.process());
  card.set_job(node.job());
  card.set_seconds_since_heartbeat(node.seconds_since_heartbeat());
  card.set_state(LowerCase(NodeState_Name(node.state())));
  card.set_reason(node.reason());
  return card;
}

}  // namespace hawser
