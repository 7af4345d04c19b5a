#include "server/audit_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/files.h"
#include "common/job/job_rules.h"
#include "common/output_directory.h"
#include "common/status_macros.h"
#include "glog/logging.h"

namespace hawser {
namespace {

constexpr size_t kFlushAt = 1 << 16;  // bytes
constexpr int kMode = 0644;

// Of an earlier job that wrote here.
absl::Status RemoveHistories(const std::string& directory, uint32_t server) {
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (std::filesystem::directory_iterator entry(directory, error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (absl::StartsWith(name, absl::StrCat("server-", server, "-")) &&
        absl::EndsWith(name, ".audit")) {
      paths.push_back(entry->path());
    }
  }
  for (const auto& path : paths) {
    if (!error) std::filesystem::remove(path, error);
  }
  if (!error) return absl::OkStatus();
  errno = error.value();
  return SystemError("clear", directory);
}

// An empty file for the history of this number, and its path.
struct Opened {
  FileDescriptor file;
  std::string path;
};
absl::StatusOr<Opened> Open(const Plan& plan, uint32_t number,
                            const std::string& output_root) {
  ASSIGN_OR_RETURN(
      const OutputDirectory directory,
      OutputDirectory::Make(
          output_root,
          absl::StrCat(plan.spec().checkpoint().directory(), "/audit")));
  const bool goes_on = plan.has_restore();
  if (!goes_on) {
    RETURN_IF_ERROR(
        directory.WithPath(RemoveHistories(directory.Inside(""), number)));
  }
  const std::string name = absl::StrCat(
      "server-", number, goes_on ? absl::StrCat("-", plan.blocks_since()) : "",
      ".audit");
  const std::string path = absl::StrCat(directory.path(), "/", name);
  // Whoever has it open, and is lost, writes into it no more.
  ::unlink(directory.Inside(name).c_str());
  FileDescriptor file(
      ::open(directory.Inside(name).c_str(),
             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode));
  if (!file.valid()) return SystemError("create", path);
  return Opened{std::move(file), path};
}

}  // namespace

absl::Status AuditLog::WriteSkipped(const Plan& plan, uint32_t server,
                                    const std::string& output_root) {
  std::set<uint32_t> known;
  for (const ServerEndpoint& endpoint : plan.servers()) {
    known.insert(endpoint.history());
  }
  const uint32_t own = plan.servers(static_cast<int>(server)).history();
  for (uint32_t number = plan.histories(); number < own; ++number) {
    if (known.count(number) != 0) continue;
    RETURN_IF_ERROR(Begin(plan, number, output_root).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Begin(
    const Plan& plan, uint32_t number, const std::string& output_root) {
  ASSIGN_OR_RETURN(Opened opened, Open(plan, number, output_root));
  auto log =
      absl::WrapUnique(new AuditLog(opened.path, std::move(opened.file),
                                    plan.spec().schedule().micro_batches()));
  log->Append(absl::StrCat("H 1 ", plan.spec().name(), " ", number, " ",
                           log->micro_batches_, "\n"));
  if (plan.has_restore()) {
    log->Append(absl::StrCat("V ", plan.blocks_since(), " ",
                             plan.restore().step(), "\n"));
  }
  return log;
}

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Create(
    const Plan& plan, uint32_t server, const std::string& output_root) {
  ASSIGN_OR_RETURN(auto log,
                   Begin(plan, plan.servers(static_cast<int>(server)).history(),
                         output_root));
  std::set<uint32_t> moves;
  for (const BlockMove& move : plan.moves()) moves.insert(move.block());
  for (const Block& block : plan.blocks()) {
    if (block.server() == server && moves.count(block.id()) == 0) {
      log->Append(absl::StrCat("B ", block.id(), "\n"));
    }
  }
  return log;
}

AuditLog::AuditLog(std::string path, FileDescriptor file,
                   uint64_t micro_batches)
    : path_(std::move(path)),
      micro_batches_(micro_batches),
      file_(std::move(file)) {}

AuditLog::~AuditLog() { Flush(); }

void AuditLog::Arrived(uint32_t block, uint64_t incarnation, uint64_t steps,
                       const std::vector<WorkRun>& counted, bool takes_over) {
  Append(absl::StrCat(
      takes_over ? "K " : "A ", block, " ", incarnation, " ", steps, " ",
      counted.empty() ? "-"
                      : absl::StrJoin(counted, ",",
                                      [](std::string* out, const WorkRun& run) {
                                        absl::StrAppend(
                                            out, run.position(), ":",
                                            run.position() + run.count());
                                      }),
      "\n"));
}

void AuditLog::Synchronised(const Phase& phase) {
  const SynchronisationSpec& spec = phase.synchronisation();
  const std::optional<uint64_t> staleness = StalenessInClocks(spec);
  Append(absl::StrCat(
      "M ", phase.from_step(), " ", UpdateMode_Name(spec.mode()), " ",
      staleness.has_value() ? absl::StrCat(*staleness) : "-", " ",
      spec.staleness_seconds() > 0
          ? absl::StrCat(static_cast<uint64_t>(1e3 * spec.staleness_seconds()))
          : "-",
      "\n"));
}

void AuditLog::Joined(uint32_t block, uint64_t node, uint64_t clock) {
  Append(absl::StrCat("J ", block, " ", node, " ", clock, "\n"));
}

void AuditLog::Left(uint32_t block, uint64_t node) {
  Append(absl::StrCat("L ", block, " ", node, "\n"));
}

void AuditLog::Counted(const FrameHeader& push, uint64_t position,
                       uint64_t count, uint64_t lag) {
  const uint64_t end = position + count;
  while (position < end) {
    const uint64_t step = position / micro_batches_;
    const uint64_t next = std::min(end, (step + 1) * micro_batches_);
    Append(absl::StrCat("P ", push.block, " ", push.node, " ", push.clock, " ",
                        step, " ", position - step * micro_batches_, " ",
                        next - step * micro_batches_, " ", lag, "\n"));
    position = next;
  }
}

void AuditLog::Repeated(const FrameHeader& push) {
  Append(absl::StrCat("D ", push.block, " ", push.node, " ", push.clock, "\n"));
}

void AuditLog::Ticked(uint32_t block, uint64_t node, uint64_t clock) {
  Append(absl::StrCat("T ", block, " ", node, " ", clock, "\n"));
}

void AuditLog::Served(const FrameHeader& read, uint32_t block, uint64_t steps,
                      const std::map<uint64_t, uint64_t>* clocks) {
  Append(absl::StrCat(
      "R ", block, " ", read.node, " ", read.clock, " ", steps, " ",
      clocks == nullptr || clocks->empty()
          ? "-"
          : absl::StrJoin(*clocks, ",", absl::PairFormatter(":")),
      "\n"));
}

void AuditLog::Append(std::string line) {
  absl::MutexLock lock(&mutex_);
  if (ended_) return;
  buffer_.append(line);
  if (buffer_.size() >= kFlushAt) FlushLocked();
}

void AuditLog::Flush() {
  absl::MutexLock lock(&mutex_);
  FlushLocked();
}

void AuditLog::End() {
  absl::MutexLock lock(&mutex_);
  FlushLocked();
  ended_ = true;
}

void AuditLog::FlushLocked() {
  size_t written = 0;
  while (!ended_ && written < buffer_.size()) {
    const ssize_t bytes = ::write(file_.get(), buffer_.data() + written,
                                  buffer_.size() - written);
    if (bytes > 0) {
      written += static_cast<size_t>(bytes);
    } else if (errno != EINTR) {
      LOG(ERROR) << "the history ends here: " << SystemError("write", path_);
      ended_ = true;
    }
  }
  buffer_.clear();
}

}  // namespace hawser
