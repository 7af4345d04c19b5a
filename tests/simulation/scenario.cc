#include "tests/simulation/scenario.h"

#include <functional>
#include <map>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "tests/simulation/tiny_data.h"

namespace hawser::simulation {
namespace {

JobSpec DefaultJob() {
  JobSpec spec;
  spec.set_name("job");
  for (const uint32_t units : {kFeatures, 8u, kClasses}) {
    spec.mutable_model()->mutable_mlp()->add_layer_sizes(units);
  }
  spec.mutable_data()->mutable_idx();
  spec.mutable_optimizer()->mutable_adam();
  spec.mutable_learning_rate()->set_base(0.02);
  spec.mutable_schedule()->set_steps(60);
  spec.mutable_schedule()->set_global_batch(8);
  spec.mutable_schedule()->set_micro_batches(4);
  spec.mutable_placement()->set_block_elements(256);
  return spec;
}

// --- Values. Each says what it wanted. ---

absl::Status ParseInto(absl::string_view text, absl::Duration* value) {
  if (absl::ParseDuration(text, value)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is no duration such as 2s or 300ms"));
}

template <typename Integer>
absl::Status ParseInto(absl::string_view text, Integer* value) {
  if (absl::SimpleAtoi(text, value)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is no whole number"));
}

absl::Status ParseInto(absl::string_view text, double* value) {
  if (absl::SimpleAtod(text, value)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is no number"));
}

absl::Status ParseDelay(absl::string_view text, Network::Conditions* network) {
  const std::vector<absl::string_view> ends = absl::StrSplit(text, " to ");
  RETURN_IF_ERROR(ParseInto(ends[0], &network->least_delay));
  return ParseInto(ends.back(), &network->most_delay);
}

absl::Status ParseLayers(absl::string_view text, MlpSpec* mlp) {
  mlp->clear_layer_sizes();
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    uint32_t units = 0;
    RETURN_IF_ERROR(ParseInto(word, &units));
    mlp->add_layer_sizes(units);
  }
  return absl::OkStatus();
}

absl::Status ParseOptimizer(absl::string_view text, OptimizerSpec* optimizer) {
  if (text == "sgd") {
    optimizer->mutable_sgd();
  } else if (text == "adam") {
    optimizer->mutable_adam();
  } else if (text == "adamw") {
    optimizer->mutable_adamw();
  } else if (text == "adagrad") {
    optimizer->mutable_adagrad();
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("optimizer ", text,
                     "; there are sgd, adam, adamw and "
                     "adagrad"));
  }
  return absl::OkStatus();
}

absl::Status ParsePlacement(absl::string_view text, PlacementSpec* placement) {
  Placement policy;
  if (!Placement_Parse(std::string(text), &policy)) {
    return absl::InvalidArgumentError(
        absl::StrCat("placement ", text, "; there are BY_LAYER and BY_BLOCK"));
  }
  placement->set_policy(policy);
  return absl::OkStatus();
}

absl::Status ParseExpected(absl::string_view text, Scenario* scenario) {
  if (text == "same parameters") return absl::OkStatus();  // always
  if (text == "no roll-back") {
    scenario->may_roll_back = false;
    return absl::OkStatus();
  }
  if (absl::ConsumePrefix(&text, "end within ")) {
    return ParseInto(text, &scenario->end_within);
  }
  if (absl::ConsumePrefix(&text, "at least ") &&
      absl::ConsumeSuffix(&text, " incarnations")) {
    return ParseInto(text, &scenario->least_incarnations);
  }
  const std::vector<std::string> parts =
      absl::StrSplit(text, absl::MaxSplits(" because ", 1));
  Setup::End end;
  if (!JobState_Parse(parts[0], &end.state)) {
    return absl::InvalidArgumentError(
        absl::StrCat("expect what? \"", text,
                     "\" is no state of a job, \"same "
                     "parameters\", \"no roll-back\", \"end within DURATION\" "
                     "or \"at least N incarnations\""));
  }
  if (parts.size() == 2) end.because = parts[1];
  scenario->setup.ends = {end};
  return absl::OkStatus();
}

// --- Statements: what they begin with, and what the rest is ---

using Statement = std::function<absl::Status(absl::string_view, Scenario*)>;

template <typename Value>
Statement Into(Value Setup::*field) {
  return [field](absl::string_view text, Scenario* scenario) {
    return ParseInto(text, &(scenario->setup.*field));
  };
}

// Into a field of the job, by its setter.
template <typename Value>
Statement Set(std::function<void(JobSpec*, Value)> set) {
  return [set](absl::string_view text, Scenario* scenario) {
    Value value;
    RETURN_IF_ERROR(ParseInto(text, &value));
    set(&scenario->setup.spec, value);
    return absl::OkStatus();
  };
}

const std::map<std::string, Statement>& Statements() {
  static const auto* const statements = new std::map<std::string, Statement>{
      {"workers", Into(&Setup::workers)},
      {"servers", Into(&Setup::servers)},
      {"seed", Into(&Setup::seed)},
      {"lease", Into(&Setup::lease)},
      {"heartbeat", Into(&Setup::heartbeat)},
      {"compute", Into(&Setup::compute)},
      {"journal write", Into(&Setup::journal_write)},
      {"delay",
       [](absl::string_view text, Scenario* scenario) {
         return ParseDelay(text, &scenario->setup.network);
       }},
      {"layers",
       [](absl::string_view text, Scenario* scenario) {
         return ParseLayers(
             text, scenario->setup.spec.mutable_model()->mutable_mlp());
       }},
      {"optimizer",
       [](absl::string_view text, Scenario* scenario) {
         return ParseOptimizer(text, scenario->setup.spec.mutable_optimizer());
       }},
      {"placement",
       [](absl::string_view text, Scenario* scenario) {
         return ParsePlacement(text, scenario->setup.spec.mutable_placement());
       }},
      {"job workers", Set<uint32_t>([](JobSpec* spec, uint32_t value) {
         spec->mutable_resources()->set_workers(value);
       })},
      {"job servers", Set<uint32_t>([](JobSpec* spec, uint32_t value) {
         spec->mutable_resources()->set_servers(value);
       })},
      {"replicas", Set<uint32_t>([](JobSpec* spec, uint32_t value) {
         spec->mutable_resources()->set_replicas(value);
       })},
      {"steps", Set<uint64_t>([](JobSpec* spec, uint64_t value) {
         spec->mutable_schedule()->set_steps(value);
       })},
      {"global batch", Set<uint32_t>([](JobSpec* spec, uint32_t value) {
         spec->mutable_schedule()->set_global_batch(value);
       })},
      {"micro-batches", Set<uint32_t>([](JobSpec* spec, uint32_t value) {
         spec->mutable_schedule()->set_micro_batches(value);
       })},
      {"clip", Set<double>([](JobSpec* spec, double value) {
         spec->mutable_optimizer()->set_clip_global_norm(value);
       })},
      {"train for at most",
       Set<absl::Duration>([](JobSpec* spec, absl::Duration value) {
         spec->mutable_limits()->set_max_seconds(absl::ToDoubleSeconds(value));
       })},
      {"queue for at most",
       Set<absl::Duration>([](JobSpec* spec, absl::Duration value) {
         spec->mutable_limits()->set_max_queue_seconds(
             absl::ToDoubleSeconds(value));
       })},
      {"checkpoint every",
       [](absl::string_view text, Scenario* scenario) {
         CheckpointSpec* spec = scenario->setup.spec.mutable_checkpoint();
         if (!absl::ConsumeSuffix(&text, " steps")) {
           absl::Duration period;
           RETURN_IF_ERROR(ParseInto(text, &period));
           spec->set_every_seconds(absl::ToDoubleSeconds(period));
           return absl::OkStatus();
         }
         uint64_t steps = 0;
         RETURN_IF_ERROR(ParseInto(text, &steps));
         spec->set_every_steps(steps);
         return absl::OkStatus();
       }},
      {"keep last", Set<uint32_t>([](JobSpec* spec, uint32_t value) {
         spec->mutable_checkpoint()->set_keep_last(value);
       })},
      {"expect", ParseExpected},
  };
  return *statements;
}

absl::Status ParseLine(absl::string_view line, Scenario* scenario) {
  if (absl::StartsWith(line, "at ")) {
    ASSIGN_OR_RETURN(const Fault fault, ParseFault(line));
    scenario->setup.faults.push_back(fault);
    return absl::OkStatus();
  }
  for (const auto& [name, statement] : Statements()) {
    absl::string_view rest = line;
    if (absl::ConsumePrefix(&rest, absl::StrCat(name, " "))) {
      return statement(rest, scenario);
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "no statement begins like this; there are \"at\", ",
      absl::StrJoin(Statements(), ", ",
                    [](std::string* out, const auto& statement) {
                      absl::StrAppend(out, "\"", statement.first, "\"");
                    })));
}

// What is named must be there.
absl::Status CheckNames(const Setup& setup) {
  for (const Fault& fault : setup.faults) {
    for (const std::string& name : {fault.target, fault.other}) {
      const std::vector<std::string> parts = absl::StrSplit(name, ' ');
      int number = 0;
      if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &number)) continue;
      const uint32_t there =
          parts[0] == "worker" ? setup.workers : setup.servers;
      if (static_cast<uint32_t>(number) > there) {
        return absl::InvalidArgumentError(
            absl::StrCat("\"", Describe(fault), "\": there is no ", name));
      }
    }
    if (fault.kind == Fault::Kind::kSlowWorker &&
        !absl::StartsWith(fault.target, "worker")) {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", Describe(fault), "\": only workers and the disk are slow"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Scenario> ParseScenario(absl::string_view text) {
  Scenario scenario;
  Setup& setup = scenario.setup;
  setup.spec = DefaultJob();
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const absl::Status status = ParseLine(line, &scenario);
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "line ", number, ", \"", line, "\": ", status.message()));
    }
  }
  RETURN_IF_ERROR(CheckNames(setup));
  ResourcesSpec* resources = setup.spec.mutable_resources();
  if (resources->workers() == 0) resources->set_workers(setup.workers);
  if (resources->servers() == 0) resources->set_servers(setup.servers);
  return scenario;
}

std::optional<std::string> RunScenario(const Scenario& scenario,
                                       Simulator* simulator,
                                       std::ostream* trace) {
  const Outcome outcome = simulator->Run(scenario.setup, trace);
  if (outcome.failure.has_value()) return outcome.failure;
  if (outcome.virtual_time > scenario.end_within) {
    return absl::StrCat("the job ended after ",
                        absl::FormatDuration(outcome.virtual_time), ", not ",
                        absl::FormatDuration(scenario.end_within));
  }
  if (outcome.roll_backs != 0 && !scenario.may_roll_back) {
    return absl::StrCat("the job was rolled back ", outcome.roll_backs,
                        " times");
  }
  if (outcome.incarnations < scenario.least_incarnations) {
    return absl::StrCat("the job had ", outcome.incarnations,
                        " incarnations, not ", scenario.least_incarnations);
  }
  return std::nullopt;
}

}  // namespace hawser::simulation
