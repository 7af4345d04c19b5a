// What a thread works on, for the lines that it logs: the job, and the step
// where there is one. The node number is the process's.
//
//   const LogContext context(plan.spec().name());
//   LogContext::SetStep(412);
//   LOG(INFO) << "...";     of this job, at step 412
//
// Thread-safe: a context is its thread's own.
#ifndef HAWSER_COMMON_LOG_LOG_CONTEXT_H_
#define HAWSER_COMMON_LOG_LOG_CONTEXT_H_

#include <cstdint>
#include <optional>
#include <string>

namespace hawser {

struct LogFields {
  std::string job;  // its name; empty: none
  std::optional<uint64_t> step;
};

// From here to the end of the scope; then that of before holds again.
class LogContext {
 public:
  explicit LogContext(std::string job,
                      std::optional<uint64_t> step = std::nullopt);
  LogContext(const LogContext&) = delete;
  LogContext& operator=(const LogContext&) = delete;
  ~LogContext();

  // Of the innermost context of this thread; without one it does nothing.
  static void SetStep(uint64_t step);

  // Of this thread.
  static const LogFields& Current();

 private:
  const LogFields before_;
};

// The number by which the scheduler knows this process; 0: none.
void SetLogNode(uint64_t node);
uint64_t LogNode();

}  // namespace hawser

#endif  // HAWSER_COMMON_LOG_LOG_CONTEXT_H_
