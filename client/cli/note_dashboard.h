// Says on stderr where a local cluster's dashboard is.
#ifndef HAWSER_CLIENT_CLI_NOTE_DASHBOARD_H_
#define HAWSER_CLIENT_CLI_NOTE_DASHBOARD_H_

#include <cstdio>
#include <string>

namespace hawser {

// "dashboard URL"; nothing if it is empty.
inline void NoteDashboard(const std::string& url) {
  if (!url.empty()) std::fprintf(stderr, "dashboard %s\n", url.c_str());
}

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_NOTE_DASHBOARD_H_
