// What each thread keeps for itself of the memory it has freed (glibc's
// "tcache"), and no other thread can give back.
#ifndef HAWSER_COMMON_THREAD_CACHES_H_
#define HAWSER_COMMON_THREAD_CACHES_H_

namespace hawser {

// First thing in main: from then on threads keep pieces of at most 256 bytes.
// With glibc's 1032 each can come to hold a quarter of a MiB, and the pages
// around that.
//
// glibc takes it from the environment alone (GLIBC_TUNABLES), so the program
// starts anew, as the same process with the same arguments. It does not where
// the environment says how large thread caches are to be. A system that does
// not let it start again leaves everything as it is.
void LimitThreadCaches(char** argv);

}  // namespace hawser

#endif  // HAWSER_COMMON_THREAD_CACHES_H_
