#include "client/audit/record.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace hawser {
namespace {

constexpr uint64_t kFormatVersion = 1;

// Part of a damaged file, fit for a terminal.
std::string Quoted(absl::string_view text) {
  constexpr size_t kMost = 40;
  return absl::StrCat("'", absl::CHexEscape(text.substr(0, kMost)),
                      text.size() > kMost ? "..." : "", "'");
}

bool ParseNumber(absl::string_view text, uint64_t* number) {
  // SimpleAtoi alone would accept signs and blanks.
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), absl::ascii_isdigit) &&
         absl::SimpleAtoi(text, number) && *number < kAuditNumberLimit;
}

// The fields of a line, taken one after the other. What is taken after an error
// is worth nothing; Finish tells.
class Fields {
 public:
  explicit Fields(absl::string_view line)
      : fields_(absl::StrSplit(line, ' ')) {}

  absl::string_view Word(absl::string_view name) {
    if (next_ == fields_.size()) {
      Fail(absl::StrCat(name, " is missing"));
      return "";
    }
    const absl::string_view word = fields_[next_++];
    if (word.empty()) Fail(absl::StrCat(name, " is empty"));
    return word;
  }

  uint64_t Number(absl::string_view name) { return ToNumber(name, Word(name)); }

  std::optional<uint64_t> NumberOrNone(absl::string_view name) {
    const absl::string_view word = Word(name);
    if (word == "-") return std::nullopt;
    return ToNumber(name, word);
  }

  AuditMode Mode() {
    const absl::string_view word = Word("MODE");
    if (word == "BOUNDED_STALENESS") return AuditMode::kBoundedStaleness;
    if (word == "ASYNCHRONOUS") return AuditMode::kAsynchronous;
    if (word != "SYNCHRONOUS") {
      Fail(absl::StrCat("MODE is ", Quoted(word),
                        "; it must be SYNCHRONOUS, BOUNDED_STALENESS or "
                        "ASYNCHRONOUS"));
    }
    return AuditMode::kSynchronous;
  }

  std::optional<std::vector<std::pair<uint64_t, uint64_t>>> Clocks() {
    const absl::string_view word = Word("the list of clocks");
    if (word == "-") return std::nullopt;
    std::vector<std::pair<uint64_t, uint64_t>> clocks;
    for (const absl::string_view entry : absl::StrSplit(word, ',')) {
      const std::pair<absl::string_view, absl::string_view> parts =
          absl::StrSplit(entry, absl::MaxSplits(':', 1));
      uint64_t node = 0, clock = 0;
      if (!ParseNumber(parts.first, &node) ||
          !ParseNumber(parts.second, &clock)) {
        Fail(absl::StrCat("the list of clocks has ", Quoted(entry),
                          ", which is no NODE:CLOCK"));
        break;
      }
      clocks.emplace_back(node, clock);
    }
    std::sort(clocks.begin(), clocks.end());
    for (size_t i = 1; i < clocks.size(); ++i) {
      if (clocks[i].first == clocks[i - 1].first) {
        Fail(absl::StrCat("the list of clocks names node ", clocks[i].first,
                          " twice"));
      }
    }
    return clocks;
  }

  std::vector<std::pair<uint64_t, uint64_t>> Ranges() {
    const absl::string_view word = Word("the list of ranges");
    std::vector<std::pair<uint64_t, uint64_t>> ranges;
    if (word == "-") return ranges;
    uint64_t end = 0;
    for (const absl::string_view entry : absl::StrSplit(word, ',')) {
      const std::pair<absl::string_view, absl::string_view> parts =
          absl::StrSplit(entry, absl::MaxSplits(':', 1));
      uint64_t first = 0, last = 0;
      if (!ParseNumber(parts.first, &first) ||
          !ParseNumber(parts.second, &last) || first < end || last <= first) {
        Fail(absl::StrCat("the list of ranges has ", Quoted(entry),
                          ", which is no FIRST:LAST after those before"));
        break;
      }
      ranges.emplace_back(first, last);
      end = last;
    }
    return ranges;
  }

  void Fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
  }

  absl::Status Finish() {
    if (next_ < fields_.size()) {
      Fail(absl::StrCat("a field too many: ", Quoted(fields_[next_])));
    }
    if (error_.empty()) return absl::OkStatus();
    return absl::DataLossError(error_);
  }

 private:
  uint64_t ToNumber(absl::string_view name, absl::string_view word) {
    uint64_t number = 0;
    if (!ParseNumber(word, &number)) {
      Fail(absl::StrCat(name, " is ", Quoted(word), ", which is no number"));
    }
    return number;
  }

  std::vector<absl::string_view> fields_;
  size_t next_ = 0;
  std::string error_;
};

HeaderRecord Header(Fields* fields) {
  const uint64_t version = fields->Number("the format's version");
  if (version != kFormatVersion) {
    fields->Fail(absl::StrCat("the format's version is ", version,
                              "; this hawser reads version ", kFormatVersion));
  }
  HeaderRecord header = {.job = std::string(fields->Word("JOBNAME")),
                         .server = fields->Number("SERVER"),
                         .micro_batches = fields->Number("MICRO_BATCHES")};
  if (header.micro_batches == 0) fields->Fail("MICRO_BATCHES is 0");
  return header;
}

// Braces evaluate from left to right.
AuditRecord Take(absl::string_view kind, Fields* fields) {
  if (kind == "H") return Header(fields);
  if (kind == "V") {
    return RollBackRecord{fields->Number("INCARNATION"),
                          fields->Number("STEP")};
  }
  if (kind == "B") return BlockRecord{fields->Number("BLOCK")};
  if (kind == "A" || kind == "K") {
    return ArriveRecord{fields->Number("BLOCK"), fields->Number("INCARNATION"),
                        fields->Number("STEPS"), fields->Ranges(),
                        /*takes_over=*/kind == "K"};
  }
  if (kind == "M") {
    return PhaseRecord{fields->Number("FROM_STEP"),
                       {fields->Mode(), fields->NumberOrNone("STALENESS"),
                        fields->NumberOrNone("WINDOW_MS")}};
  }
  if (kind == "J") {
    return JoinRecord{fields->Number("BLOCK"), fields->Number("NODE"),
                      fields->Number("CLOCK")};
  }
  if (kind == "L") {
    return LeaveRecord{fields->Number("BLOCK"), fields->Number("NODE")};
  }
  if (kind == "P") {
    return PushRecord{fields->Number("BLOCK"), fields->Number("NODE"),
                      fields->Number("CLOCK"), fields->Number("STEP"),
                      fields->Number("FIRST"), fields->Number("LAST"),
                      fields->Number("LAG")};
  }
  if (kind == "D") {
    return RepeatRecord{fields->Number("BLOCK"), fields->Number("NODE"),
                        fields->Number("CLOCK")};
  }
  if (kind == "T") {
    return TickRecord{fields->Number("BLOCK"), fields->Number("NODE"),
                      fields->Number("CLOCK")};
  }
  if (kind == "R") {
    return ReadRecord{fields->Number("BLOCK"), fields->Number("NODE"),
                      fields->Number("CLOCK"), fields->Number("STEP"),
                      fields->Clocks()};
  }
  fields->Fail(absl::StrCat("unknown record ", Quoted(kind)));
  return BlockRecord{};
}

}  // namespace

absl::StatusOr<AuditRecord> ParseAuditRecord(absl::string_view line) {
  Fields fields(line);
  const absl::string_view kind = fields.Word("the record's letter");
  AuditRecord record = Take(kind, &fields);
  if (absl::Status status = fields.Finish(); !status.ok()) return status;
  return record;
}

}  // namespace hawser
