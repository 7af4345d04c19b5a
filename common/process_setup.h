// What every program does first: memory settings, logging, signals.
#ifndef HAWSER_COMMON_PROCESS_SETUP_H_
#define HAWSER_COMMON_PROCESS_SETUP_H_

namespace hawser {

// In main, before any thread.
//
// Keeps memory that is freed (freed_memory.h). Tells Abseil, which Debian
// builds for debugging, not to watch the order of locks: it takes a lock of the
// process for each, keeps what it saw, and would end the process. Tests have it
// watched.
//
// Lets the process have as many open files as the system allows, sends the log
// to stderr, ignores SIGPIPE, and blocks SIGINT and SIGTERM in every thread to
// come, for WaitForTermination.
void SetUpDaemon(const char* program);

// Of it, what a program that only calls others needs, too: gRPC looks every
// 100 ms instead of every 5 s for what has happened to connections while no
// call is under way, such as that a scheduler is there again.
void SetUpConnections();

// Waits for SIGINT or SIGTERM; meanwhile, once a minute, gives back to the
// system what has been freed: what a burst took is not kept for good.
void WaitForTermination();

// A signal has come since, and nobody has waited for it.
bool IsTerminationPending();

// Ends WaitForTermination from inside. Any thread.
void RequestTermination();

}  // namespace hawser

#endif  // HAWSER_COMMON_PROCESS_SETUP_H_
