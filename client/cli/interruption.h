// Ctrl-C and its kin, noticed between two waits.
#ifndef HAWSER_CLIENT_CLI_INTERRUPTION_H_
#define HAWSER_CLIENT_CLI_INTERRUPTION_H_

namespace hawser {

// From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT only set a mark, and a closed
// pipe is an error of the write.
void CatchInterruptions();

// True once one has come.
bool Interrupted();

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_INTERRUPTION_H_
