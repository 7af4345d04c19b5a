// How long a process keeps memory that it has freed. Kept, it need not be asked
// of the system and faulted in again: on the data plane, whose messages come
// and go, that is worth 1.3 to 3.5 times.
#ifndef HAWSER_COMMON_FREED_MEMORY_H_
#define HAWSER_COMMON_FREED_MEMORY_H_

namespace hawser {

// From now on all of it, in few places (glibc's arenas), so that threads that
// come and go do not each leave some. Before any thread is started.
void KeepFreedMemory();

// Gives back what is free now. Any thread; one at a time, after
// KeepFreedMemory.
void GiveBackFreedMemory();

}  // namespace hawser

#endif  // HAWSER_COMMON_FREED_MEMORY_H_
