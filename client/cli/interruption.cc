#include "client/cli/interruption.h"

#include <csignal>
#include <initializer_list>

namespace hawser {
namespace {

volatile std::sig_atomic_t interrupted = 0;

}  // namespace

void CatchInterruptions() {
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted = 1; };
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    sigaction(signal, &action, nullptr);
  }
  std::signal(SIGPIPE, SIG_IGN);
}

bool Interrupted() { return interrupted != 0; }

}  // namespace hawser
