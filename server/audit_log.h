// The history of a job's blocks on one server, for `hawser audit`: who took
// part, which pushes counted, which reads were served and at which clocks.
// docs/audit_format.md is the format's page.
//
// Thread-safe. The records of one block must be written in the order of what
// happened to it: on its strand. An error ends the history, never the job.
#ifndef HAWSER_SERVER_AUDIT_LOG_H_
#define HAWSER_SERVER_AUDIT_LOG_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/file_descriptor.h"
#include "common/wire/frame.h"
#include "proto/parameter_server.pb.h"
#include "proto/plan.pb.h"

namespace hawser {

class AuditLog {
 public:
  // DIRECTORY/audit/server-HISTORY.audit below the output root, where DIRECTORY
  // is that of the job's checkpoints, and HISTORY the server's number in the
  // plan; after a roll-back server-HISTORY-INCARNATION.audit, of
  // Plan.blocks_since. The first of a job replaces all histories of this
  // HISTORY.
  static absl::StatusOr<std::unique_ptr<AuditLog>> Create(
      const Plan& plan, uint32_t server, const std::string& output_root);
  ~AuditLog();

  // A history without a record for each number below this server's that nobody
  // has: of a server that blocks were on their way to, and that was lost before
  // they had come. Without it a history would seem to be missing.
  static absl::Status WriteSkipped(const Plan& plan, uint32_t server,
                                   const std::string& output_root);

  // A block that has moved here by the plan of an incarnation, with so many
  // complete steps, and these runs counted of later ones. takes_over: it has
  // been a replica here.
  void Arrived(uint32_t block, uint64_t incarnation, uint64_t steps,
               const std::vector<WorkRun>& counted, bool takes_over);
  void Synchronised(const Phase& phase);
  void Joined(uint32_t block, uint64_t node, uint64_t clock);
  void Left(uint32_t block, uint64_t node);
  // Micro-batches [first, last) of a step, or of it and the next ones.
  void Counted(const FrameHeader& push, uint64_t position, uint64_t count,
               uint64_t lag);
  void Repeated(const FrameHeader& push);
  // The worker's clock, which is no push to tell.
  void Ticked(uint32_t block, uint64_t node, uint64_t clock);
  // steps: complete ones; clocks: null where updates are made once per step.
  void Served(const FrameHeader& read, uint32_t block, uint64_t steps,
              const std::map<uint64_t, uint64_t>* clocks);
  // To the file, as far as it is.
  void Flush();
  // The same, and what comes later is not recorded.
  void End();

 private:
  AuditLog(std::string path, FileDescriptor file, uint64_t micro_batches);
  static absl::StatusOr<std::unique_ptr<AuditLog>> Begin(
      const Plan& plan, uint32_t number, const std::string& output_root);
  void Append(std::string line);
  void FlushLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  const uint64_t micro_batches_;
  absl::Mutex mutex_;
  FileDescriptor file_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;  // or it cannot be written
  std::string buffer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hawser

#endif  // HAWSER_SERVER_AUDIT_LOG_H_
