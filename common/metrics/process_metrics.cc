#include "common/metrics/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "common/files.h"
#include "common/version.h"

namespace hawser {
namespace {

constexpr size_t kMaxProcBytes = 1 << 16;

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
         1e-6 * static_cast<double>(time.tv_usec);
}

// See proc(5), /proc/PID/stat; counted from 3, since what comes before may have
// blanks.
constexpr size_t kThreads = 20 - 3;
constexpr size_t kStartTicks = 22 - 3;
constexpr size_t kResidentPages = 24 - 3;

void CollectStat(MetricFamilies* families) {
  const auto text = ReadWholeFile("/proc/self/stat", kMaxProcBytes);
  if (!text.ok()) return;
  const size_t name_end = text->rfind(')');
  if (name_end == std::string::npos || name_end + 2 > text->size()) return;
  const std::vector<absl::string_view> fields = absl::StrSplit(
      absl::string_view(*text).substr(name_end + 2), ' ', absl::SkipEmpty());
  double threads = 0;
  double start_ticks = 0;
  double pages = 0;
  if (fields.size() <= kResidentPages ||
      !absl::SimpleAtod(fields[kThreads], &threads) ||
      !absl::SimpleAtod(fields[kStartTicks], &start_ticks) ||
      !absl::SimpleAtod(fields[kResidentPages], &pages)) {
    return;
  }
  families->Gauge("hawser_process_threads", "Threads of the process.", threads);
  families->Gauge("hawser_process_resident_memory_bytes",
                  "Memory that is in use, what is shared included.",
                  pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
  const auto uptime = ReadWholeFile("/proc/uptime", kMaxProcBytes);
  double machine = 0;
  if (!uptime.ok()) return;
  const std::vector<std::string> words = absl::StrSplit(*uptime, ' ');
  if (!absl::SimpleAtod(words.front(), &machine)) return;
  families->Gauge(
      "hawser_process_uptime_seconds", "Since the process has started.",
      machine - start_ticks / static_cast<double>(sysconf(_SC_CLK_TCK)));
}

}  // namespace

void CollectProcessMetrics(const std::string& role, MetricFamilies* families) {
  families->Gauge("hawser_build_info", "1, with the version and the role.", 1,
                  {{"version", kVersion}, {"role", role}});
  rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    families->Counter("hawser_process_cpu_seconds_total",
                      "CPU time of the user and the system.",
                      Seconds(usage.ru_utime) + Seconds(usage.ru_stime));
  }
  CollectStat(families);
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (error) return;
  families->Gauge("hawser_process_open_fds", "Open files and sockets.",
                  static_cast<double>(std::distance(begin(files), end(files))));
}

}  // namespace hawser
