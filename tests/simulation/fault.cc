#include "tests/simulation/fault.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "common/status_macros.h"
#include "google/protobuf/text_format.h"
#include "proto/scheduler.pb.h"

namespace hawser::simulation {
namespace {

constexpr absl::string_view kNames[] = {
    "crash",         "pause",       "slow worker", "partition",
    "break streams", "jump clock",  "run clock",   "slow disk",
    "fill disk",     "start",       "set",         "cancel the job",
    "slow output",   "fill output", "drain",       "drain no more"};

// The words of a line, one after the other.
class Words {
 public:
  explicit Words(absl::string_view line)
      : line_(line),
        words_(
            absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty())) {}

  bool at_end() const { return next_ == words_.size(); }
  bool Accept(absl::string_view word) {
    if (at_end() || words_[next_] != word) return false;
    ++next_;
    return true;
  }
  absl::Status Expect(absl::string_view word) {
    return Accept(word) ? absl::OkStatus()
                        : Wrong(absl::StrCat("\"", word, "\""));
  }
  absl::Status Wrong(absl::string_view wanted) const {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected ", wanted, at_end() ? " at the end of" : " instead of ",
        at_end() ? "" : absl::StrCat("\"", words_[next_], "\" in"), " \"",
        line_, "\""));
  }

  absl::StatusOr<absl::Duration> Duration() {
    absl::Duration duration;
    if (at_end() || !absl::ParseDuration(words_[next_], &duration)) {
      return Wrong("a duration such as 2s or 300ms");
    }
    ++next_;
    return duration;
  }
  absl::StatusOr<double> Number() {
    double number = 0;
    if (at_end() || !absl::SimpleAtod(words_[next_], &number) ||
        !(number > 0)) {
      return Wrong("a number above 0");
    }
    ++next_;
    return number;
  }
  // All words that are left.
  std::string Rest() {
    const auto rest = absl::MakeConstSpan(words_).subspan(next_);
    next_ = words_.size();
    return absl::StrJoin(rest, " ");
  }
  absl::StatusOr<std::string> ProcessName() {
    for (const absl::string_view single : {"scheduler", "client"}) {
      if (Accept(single)) return std::string(single);
    }
    for (const absl::string_view kind : {"server", "worker"}) {
      if (!Accept(kind)) continue;
      int number = 0;
      if (at_end() || !absl::SimpleAtoi(words_[next_], &number) || number < 1) {
        return Wrong("a number from 1");
      }
      ++next_;
      return absl::StrCat(kind, " ", number);
    }
    return Wrong("scheduler, client, server N or worker N");
  }

 private:
  const absl::string_view line_;
  const std::vector<absl::string_view> words_;
  size_t next_ = 0;
};

absl::Status ParseKind(Words* words, Fault* fault) {
  using Kind = Fault::Kind;
  if (words->Accept("crash")) {
    fault->kind = Kind::kCrash;
  } else if (words->Accept("pause")) {
    fault->kind = Kind::kPause;
  } else if (words->Accept("partition")) {
    fault->kind = Kind::kPartition;
  } else if (words->Accept("break")) {
    fault->kind = Kind::kBreakStreams;
    RETURN_IF_ERROR(words->Expect("streams"));
    return words->Expect("of");
  } else if (words->Accept("jump")) {
    fault->kind = Kind::kJumpClock;
    RETURN_IF_ERROR(words->Expect("clock"));
    return words->Expect("of");
  } else if (words->Accept("run")) {
    fault->kind = Kind::kRunClock;
    RETURN_IF_ERROR(words->Expect("clock"));
    return words->Expect("of");
  } else if (words->Accept("fill")) {
    fault->kind = words->Accept("output") ? Kind::kFillOutput : Kind::kFillDisk;
    if (fault->kind == Kind::kFillDisk) return words->Expect("disk");
  } else if (words->Accept("start")) {
    fault->kind = Kind::kStart;
  } else if (words->Accept("set")) {
    fault->kind = Kind::kSet;
    ChangeJobRequest request;
    fault->target = words->Rest();
    if (!google::protobuf::TextFormat::ParseFromString(fault->target,
                                                       &request)) {
      return words->Wrong("a ChangeJobRequest in text format");
    }
  } else if (words->Accept("cancel")) {
    fault->kind = Kind::kCancel;
    RETURN_IF_ERROR(words->Expect("the"));
    return words->Expect("job");
  } else if (words->Accept("drain")) {
    fault->kind = Kind::kDrain;
    if (words->Accept("no")) {
      fault->kind = Kind::kDrainNoMore;
      return words->Expect("more");
    }
  } else if (words->Accept("slow")) {
    fault->kind = words->Accept("disk")     ? Kind::kSlowDisk
                  : words->Accept("output") ? Kind::kSlowOutput
                                            : Kind::kSlowWorker;
  } else {
    return words->Wrong(
        "crash, pause, slow, partition, break, jump, run, fill, start, set, "
        "cancel or drain");
  }
  return absl::OkStatus();
}

bool HasTarget(Fault::Kind kind) {
  return kind != Fault::Kind::kSlowDisk && kind != Fault::Kind::kFillDisk &&
         kind != Fault::Kind::kSlowOutput && kind != Fault::Kind::kFillOutput &&
         kind != Fault::Kind::kSet && kind != Fault::Kind::kCancel;
}

bool IsSlow(Fault::Kind kind) {
  return kind == Fault::Kind::kSlowWorker || kind == Fault::Kind::kSlowDisk ||
         kind == Fault::Kind::kSlowOutput;
}

}  // namespace

std::string Describe(const Fault& fault) {
  using Kind = Fault::Kind;
  std::string line = absl::StrCat("at ", absl::FormatDuration(fault.at), " ",
                                  fault.kind == Kind::kSlowWorker
                                      ? "slow"
                                      : kNames[static_cast<int>(fault.kind)]);
  const bool is_of = fault.kind == Kind::kBreakStreams ||
                     fault.kind == Kind::kJumpClock ||
                     fault.kind == Kind::kRunClock;
  if (is_of) absl::StrAppend(&line, " of");
  if (HasTarget(fault.kind) || fault.kind == Kind::kSet) {
    absl::StrAppend(&line, " ", fault.target);
  }
  if (!fault.other.empty()) absl::StrAppend(&line, " from ", fault.other);
  if (IsSlow(fault.kind)) {
    absl::StrAppend(&line, " by ", fault.amount);
  }
  if (fault.kind == Kind::kRunClock) {
    absl::StrAppend(&line, " at ", fault.amount);
  }
  if (fault.kind == Kind::kJumpClock) {
    absl::StrAppend(&line, " by ", absl::FormatDuration(fault.jump));
  }
  if (fault.lasts != absl::ZeroDuration()) {
    absl::StrAppend(&line, " for ", absl::FormatDuration(fault.lasts));
  }
  return line;
}

std::string Describe(const std::vector<Fault>& faults) {
  std::string lines;
  for (const Fault& fault : faults) {
    absl::StrAppend(&lines, Describe(fault), "\n");
  }
  return lines;
}

absl::StatusOr<Fault> ParseFault(absl::string_view line) {
  using Kind = Fault::Kind;
  Words words(line);
  Fault fault;
  RETURN_IF_ERROR(words.Expect("at"));
  ASSIGN_OR_RETURN(fault.at, words.Duration());
  RETURN_IF_ERROR(ParseKind(&words, &fault));
  if (HasTarget(fault.kind)) {
    ASSIGN_OR_RETURN(fault.target, words.ProcessName());
  }
  if (fault.kind == Kind::kPartition) {
    RETURN_IF_ERROR(words.Expect("from"));
    ASSIGN_OR_RETURN(fault.other, words.ProcessName());
  }
  if (IsSlow(fault.kind)) {
    RETURN_IF_ERROR(words.Expect("by"));
    ASSIGN_OR_RETURN(fault.amount, words.Number());
  }
  if (fault.kind == Kind::kRunClock) {
    RETURN_IF_ERROR(words.Expect("at"));
    ASSIGN_OR_RETURN(fault.amount, words.Number());
  }
  if (fault.kind == Kind::kJumpClock) {
    RETURN_IF_ERROR(words.Expect("by"));
    ASSIGN_OR_RETURN(fault.jump, words.Duration());
  }
  const bool lasts =
      fault.kind != Kind::kBreakStreams && fault.kind != Kind::kJumpClock &&
      fault.kind != Kind::kStart && fault.kind != Kind::kSet &&
      fault.kind != Kind::kCancel && fault.kind != Kind::kDrain &&
      fault.kind != Kind::kDrainNoMore;
  if (lasts && !(fault.kind == Kind::kCrash && words.at_end())) {
    RETURN_IF_ERROR(words.Expect("for"));
    ASSIGN_OR_RETURN(fault.lasts, words.Duration());
  }
  if (!words.at_end()) return words.Wrong("nothing more");
  return fault;
}

}  // namespace hawser::simulation
