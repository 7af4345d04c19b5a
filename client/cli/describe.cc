#include "client/cli/describe.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/describe_checkpoints.h"
#include "client/cli/table.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

Figures ValidationFiguresOf(const Metrics& metrics, const JobStatus& job) {
  return ValidationFigures(metrics, job.spec().model(), job.validation_bytes());
}

// What is watched besides the loss.
std::string ValidationCell(const JobStatus& job) {
  if (job.last_epoch().validation().samples() == 0) return "-";
  const Figures figures =
      ValidationFiguresOf(job.last_epoch().validation(), job);
  if (figures.accuracy.has_value()) {
    return absl::StrFormat("%.2f %%", 100 * *figures.accuracy);
  }
  return absl::StrFormat("perplexity %.4g", figures.perplexity.value_or(0));
}

}  // namespace

std::string StateName(JobState state) {
  return absl::AsciiStrToLower(JobState_Name(state));
}

bool IsFinal(JobState state) {
  return state == SUCCEEDED || state == FAILED || state == CANCELLED;
}

Json ToJson(const Figures& figures) {
  Json json = {{"loss", figures.loss}, {"samples", figures.samples}};
  if (figures.accuracy.has_value()) json["accuracy"] = *figures.accuracy;
  if (figures.perplexity.has_value()) json["perplexity"] = *figures.perplexity;
  if (figures.bits_per_byte.has_value()) {
    json["bits_per_byte"] = *figures.bits_per_byte;
  }
  return json;
}

Json ToJson(const JobStatus& job) {
  Json json = {{"name", job.name()},
               {"state", StateName(job.state())},
               {"reason", job.reason()},
               {"step", job.step()},
               {"total_steps", job.total_steps()},
               {"epoch", job.epoch()},
               {"epochs", job.epochs()},
               {"workers", job.spec().resources().workers()},
               {"servers", job.spec().resources().servers()},
               {"samples_per_second", job.samples_per_second()},
               {"seconds_running", job.seconds_running()},
               {"seconds_left", job.seconds_left()},
               {"incarnation", job.incarnation()},
               {"checkpoint_step", job.checkpoint_step()},
               {"micro_batches_not_finite", job.micro_batches_not_finite()},
               {"output", job.output()},
               {"checkpoints_failed", job.checkpoints_failed()},
               {"checkpoints_skipped", job.checkpoints_skipped()},
               {"checkpoint_problem", job.checkpoint_problem()}};
  const ModelSpec& model = job.spec().model();
  if (model.has_gpt()) {
    json["tokens_per_second"] =
        job.samples_per_second() * static_cast<double>(TokensPerSample(model));
    json["validation_bytes"] = job.validation_bytes();
  }
  if (job.has_last_training()) {
    json["training"] = ToJson(TrainingFigures(job.last_training(), model));
  }
  if (job.has_validation_before()) {
    json["validation_before"] =
        ToJson(ValidationFiguresOf(job.validation_before(), job));
  }
  if (job.last_epoch().has_validation()) {
    json["validation"] =
        ToJson(ValidationFiguresOf(job.last_epoch().validation(), job));
  }
  json["epochs_done"] = Json::array();
  for (const EpochMetrics& epoch : job.epochs_done()) {
    Json entry = {
        {"epoch", epoch.epoch()},
        {"seconds", epoch.seconds()},
        {"training", ToJson(TrainingFigures(epoch.training(), model))}};
    if (epoch.has_validation()) {
      entry["validation"] =
          ToJson(ValidationFiguresOf(epoch.validation(), job));
    }
    json["epochs_done"].push_back(entry);
  }
  if (IsFinal(job.state())) {
    json["parameters_sha256"] = job.parameters_sha256();
  }
  return json;
}

Json ToJson(const NodeStatus& node) {
  return {{"node", node.node()},
          {"role", absl::AsciiStrToLower(Role_Name(node.role()))},
          {"address", node.address()},
          {"host", node.host()},
          {"process", node.process()},
          {"job", node.job()},
          {"state", absl::AsciiStrToLower(NodeState_Name(node.state()))},
          {"reason", node.reason()},
          {"seconds_since_heartbeat", node.seconds_since_heartbeat()}};
}

std::string JobTable(const ListJobsResponse& jobs) {
  std::vector<Row> rows = {{"NAME", "STATE", "STEP", "EPOCH", "LOSS",
                            "VALIDATION", "SPEED", "LEFT", "REASON"}};
  for (const JobStatus& job : jobs.jobs()) {
    const Figures training =
        TrainingFigures(job.last_training(), job.spec().model());
    rows.push_back(
        {job.name(), StateName(job.state()),
         absl::StrCat(job.step(), "/", job.total_steps()),
         absl::StrCat(job.epoch(), "/", job.epochs()),
         training.samples == 0 ? "-" : absl::StrFormat("%.4f", training.loss),
         ValidationCell(job), SpeedText(job),
         job.seconds_left() == 0 ? "-" : DurationText(job.seconds_left()),
         job.reason()});
  }
  return Table(rows);
}

std::string NodeTable(const ListNodesResponse& nodes) {
  std::vector<Row> rows = {
      {"NODE", "ROLE", "STATE", "HOST", "ADDRESS", "PID", "HEARTBEAT", "JOB"}};
  for (const NodeStatus& node : nodes.nodes()) {
    rows.push_back(
        {absl::StrCat(node.node()),
         absl::AsciiStrToLower(Role_Name(node.role())),
         NodeState_Name(node.state()), node.host(),
         node.address().empty() ? "-" : node.address(),
         absl::StrCat(node.process()),
         absl::StrFormat("%.1fs ago", node.seconds_since_heartbeat()),
         node.job().empty() ? "-" : node.job()});
  }
  return Table(rows);
}

std::string JobText(const JobStatus& job) {
  std::string text;
  const auto line = [&text](const std::string& name, const std::string& value) {
    if (!value.empty()) absl::StrAppendFormat(&text, "%-12s%s\n", name, value);
  };
  line("name", job.name());
  line("state", StateName(job.state()));
  line("reason", job.reason());
  line("step", absl::StrCat(job.step(), " of ", job.total_steps()));
  line("epoch", absl::StrCat(job.epoch(), " of ", job.epochs()));
  if (job.has_last_training()) {
    line("training",
         absl::StrJoin(
             FigureTexts(
                 TrainingFigures(job.last_training(), job.spec().model()), ""),
             ", "));
  }
  if (job.last_epoch().has_validation()) {
    line("validation",
         absl::StrJoin(
             FigureTexts(
                 ValidationFiguresOf(job.last_epoch().validation(), job), ""),
             ", "));
  }
  if (job.samples_per_second() > 0 && !IsFinal(job.state())) {
    line("speed", SpeedText(job));
  }
  if (job.seconds_left() > 0) line("left", DurationText(job.seconds_left()));
  line("members", absl::StrCat(job.spec().resources().workers(), " workers, ",
                               job.spec().resources().servers(), " servers"));
  if (job.micro_batches_not_finite() > 0) {
    line("not finite", absl::StrCat(job.micro_batches_not_finite(),
                                    " micro-batches; their steps are skipped"));
  }
  line("checkpoint", job.output());
  line("checkpoints", CheckpointTroubleText(job));
  line("sha256", job.parameters_sha256());
  return text;
}

std::string PlacementText(const JobStatus& job) {
  if (job.plan().servers_size() == 0) return "not placed yet\n";
  std::vector<Row> rows = {
      {"BLOCK", "LAYER", "OFFSET", "ELEMENTS", "SERVER", "ADDRESS"}};
  for (const Block& block : job.plan().blocks()) {
    const ServerEndpoint& server =
        job.plan().servers(static_cast<int>(block.server()));
    rows.push_back({absl::StrCat(block.id()),
                    job.plan().layers(static_cast<int>(block.layer())).name(),
                    absl::StrCat(block.offset()),
                    absl::StrCat(block.elements()), absl::StrCat(server.node()),
                    server.address()});
  }
  return Table(rows);
}

std::string SpeedText(const JobStatus& job) {
  const ModelSpec& model = job.spec().model();
  const double rate =
      job.samples_per_second() * static_cast<double>(TokensPerSample(model));
  const char* unit = model.has_gpt() ? "tokens/s" : "samples/s";
  if (rate >= 1e6) return absl::StrFormat("%.2fM %s", rate / 1e6, unit);
  if (rate >= 1e4) return absl::StrFormat("%.1fk %s", rate / 1e3, unit);
  return absl::StrFormat("%.0f %s", rate, unit);
}

std::string DurationText(double seconds) {
  if (seconds < 9.95) return absl::StrFormat("%.1fs", std::max(seconds, 0.0));
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  if (whole < 60) return absl::StrFormat("%ds", whole);
  if (whole < 3600) return absl::StrFormat("%dm%02ds", whole / 60, whole % 60);
  return absl::StrFormat("%dh%02dm", whole / 3600, whole % 3600 / 60);
}

}  // namespace hawser
