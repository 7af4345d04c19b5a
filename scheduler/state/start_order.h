// Which queued jobs wait for other jobs, whatever members are free:
//
// - the job of a user of a `personalise`, while as many of its jobs as
//   personalise.at_once says are at work;
// - a job that starts from the newest checkpoint in a directory, until the jobs
//   that were accepted before it and write there have ended: its servers look
//   on their own, and must all find the same one;
// - for the same reason, a job that writes where one that was accepted before
//   it is still to read.
//
// And who may not even be accepted: a job that would write where another one
// does.
//
// Nobody waits for a job that was accepted after it, so that there is no
// circle.
//
// Pure. The cost of a question does not grow with the number of jobs, but for
// directories given by absolute paths.
#ifndef HAWSER_SCHEDULER_STATE_START_ORDER_H_
#define HAWSER_SCHEDULER_STATE_START_ORDER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "proto/job.pb.h"

namespace hawser {

class StartOrder {
 public:
  struct Obstacle {
    enum Kind { kTurn, kWriter, kReader };
    Kind kind = kTurn;
    uint64_t job = 0;  // the writer or reader that is waited for
  };

  // A completed spec is accepted, begins to work, has read what it starts from,
  // and ends. Each at most once, in this order, some left out.
  void Accept(uint64_t job, const JobSpec& spec);
  void Start(uint64_t job);
  void HasRead(uint64_t job);
  void End(uint64_t job);

  // The job that has not ended and writes, or may write, where this completed
  // spec would; nothing: none.
  std::optional<uint64_t> WriterBeside(const JobSpec& spec) const;

  // True if a job has still to read this checkpoint, DIRECTORY/step-N. Of those
  // that start from the newest one in a directory nobody has to ask: nothing is
  // written there meanwhile.
  bool IsToBeRead(const std::string& step_directory) const;

  // What a job that has not started waits for; nothing: it may start.
  std::optional<Obstacle> ObstacleOf(uint64_t job) const;

 private:
  using JobsByDirectory = std::map<std::string, std::set<uint64_t>>;
  struct Entry {
    std::string group;  // of a `personalise`; empty: none
    uint32_t at_once = 0;
    bool at_work = false;
    // Directories as NormalDirectory has them; empty: none. `reads`: of which
    // the newest; reads_step: of a step.
    std::string reads;
    std::string reads_step;
    std::string writes;
  };

  static std::optional<uint64_t> Before(uint64_t job,
                                        const std::string& directory,
                                        const JobsByDirectory& jobs);
  static void Remove(uint64_t job, const std::string& directory,
                     JobsByDirectory* jobs);

  std::map<uint64_t, Entry> entries_;        // of jobs that have not ended
  std::map<std::string, uint32_t> at_work_;  // jobs, by group
  JobsByDirectory writers_;
  JobsByDirectory readers_;
  JobsByDirectory step_readers_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_START_ORDER_H_
