#include "common/thread_caches.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace hawser {
namespace {

constexpr char kTunables[] = "GLIBC_TUNABLES";
constexpr char kThreadCaches[] = "glibc.malloc.tcache";
constexpr char kLimit[] = "glibc.malloc.tcache_max=256";

}  // namespace

void LimitThreadCaches(char** argv) {
  const char* set = getenv(kTunables);
  std::string tunables = set == nullptr ? "" : set;
  if (absl::StrContains(tunables, kThreadCaches)) return;
  absl::StrAppend(&tunables, tunables.empty() ? "" : ":", kLimit);
  setenv(kTunables, tunables.c_str(), /*replace=*/1);
  execv("/proc/self/exe", argv);
}

}  // namespace hawser
