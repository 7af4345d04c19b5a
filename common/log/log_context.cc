#include "common/log/log_context.h"

#include <atomic>
#include <utility>

namespace hawser {
namespace {

thread_local LogFields current;
std::atomic<uint64_t> node_number{0};

}  // namespace

LogContext::LogContext(std::string job, std::optional<uint64_t> step)
    : before_(std::exchange(current, {std::move(job), step})) {}

LogContext::~LogContext() { current = before_; }

void LogContext::SetStep(uint64_t step) {
  if (!current.job.empty()) current.step = step;
}

const LogFields& LogContext::Current() { return current; }

void SetLogNode(uint64_t node) { node_number.store(node); }

uint64_t LogNode() { return node_number.load(); }

}  // namespace hawser
