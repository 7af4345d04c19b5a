// Tells ThreadSanitizer about Abseil's locks.
//
// Debian's Abseil is built without ThreadSanitizer, which therefore sees no
// lock in absl::Mutex and takes everything that it protects for a data race.
// The linker (--wrap, in BUILD) sends our calls through the functions below,
// which announce to it what each call acquires and releases.
//
// ReleasableMutexLock::Release() and the Reader...When() functions are not
// covered, nor is what gRPC does: run ThreadSanitizer on tests without gRPC.

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
}

namespace {

// Abseil evaluates Conditions inside its calls, with the lock held but before
// ThreadSanitizer was told so: what they read is not a race.
class IgnoreReads {
 public:
  IgnoreReads() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
  ~IgnoreReads() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
};

// Makes `call`, which takes the lock at `address`, perhaps after having let go
// of it (the second argument).
template <typename Call>
auto Acquiring(const void* address, bool releases_before, Call call) {
  struct AcquireAtEnd {
    void* address;
    ~AcquireAtEnd() { __tsan_acquire(address); }
  } acquire{const_cast<void*>(address)};
  if (releases_before) __tsan_release(acquire.address);
  IgnoreReads ignore;
  return call();
}

template <typename Call>
auto Releasing(const void* address, Call call) {
  __tsan_release(const_cast<void*>(address));
  IgnoreReads ignore;
  return call();
}

}  // namespace

// Defines the wrapper of the function with the mangled name SYMBOL.
#define HAWSER_WRAP(RESULT, SYMBOL, PARAMETERS, ARGUMENTS, AROUND) \
  extern "C" RESULT __real_##SYMBOL PARAMETERS;                    \
  extern "C" RESULT __wrap_##SYMBOL PARAMETERS;                    \
  RESULT __wrap_##SYMBOL PARAMETERS {                              \
    auto call = [&] { return __real_##SYMBOL ARGUMENTS; };         \
    return AROUND;                                                 \
  }
#define HAWSER_LOCKS Acquiring(object, false, call)
#define HAWSER_WAITS Acquiring(object, true, call)
#define HAWSER_WAITS_ON_MUTEX Acquiring(mutex, true, call)
#define HAWSER_UNLOCKS Releasing(object, call)

using absl::BlockingCounter;
using absl::Condition;
using absl::CondVar;
using absl::Duration;
using absl::Mutex;
using absl::Notification;
using absl::Time;

HAWSER_WRAP(void, _ZN4absl7debian35Mutex4LockEv, (Mutex * object), (object),
            HAWSER_LOCKS)
HAWSER_WRAP(void, _ZN4absl7debian35Mutex6UnlockEv, (Mutex * object), (object),
            HAWSER_UNLOCKS)
HAWSER_WRAP(bool, _ZN4absl7debian35Mutex7TryLockEv, (Mutex * object), (object),
            HAWSER_LOCKS)
HAWSER_WRAP(void, _ZN4absl7debian35Mutex10ReaderLockEv, (Mutex * object),
            (object), HAWSER_LOCKS)
HAWSER_WRAP(void, _ZN4absl7debian35Mutex12ReaderUnlockEv, (Mutex * object),
            (object), HAWSER_UNLOCKS)

HAWSER_WRAP(void, _ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE,
            (Mutex * object, const Condition& condition), (object, condition),
            HAWSER_WAITS)
HAWSER_WRAP(
    bool,
    _ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE,
    (Mutex * object, const Condition& condition, Duration timeout),
    (object, condition, timeout), HAWSER_WAITS)
HAWSER_WRAP(
    bool, _ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE,
    (Mutex * object, const Condition& condition, Time deadline),
    (object, condition, deadline), HAWSER_WAITS)
HAWSER_WRAP(void, _ZN4absl7debian35Mutex8LockWhenERKNS0_9ConditionE,
            (Mutex * object, const Condition& condition), (object, condition),
            HAWSER_LOCKS)
HAWSER_WRAP(
    bool,
    _ZN4absl7debian35Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE,
    (Mutex * object, const Condition& condition, Duration timeout),
    (object, condition, timeout), HAWSER_LOCKS)
HAWSER_WRAP(
    bool,
    _ZN4absl7debian35Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE,
    (Mutex * object, const Condition& condition, Time deadline),
    (object, condition, deadline), HAWSER_LOCKS)

HAWSER_WRAP(void, _ZN4absl7debian37CondVar4WaitEPNS0_5MutexE,
            (CondVar * object, Mutex* mutex), (object, mutex),
            HAWSER_WAITS_ON_MUTEX)
HAWSER_WRAP(
    bool, _ZN4absl7debian37CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE,
    (CondVar * object, Mutex* mutex, Duration timeout),
    (object, mutex, timeout), HAWSER_WAITS_ON_MUTEX)
HAWSER_WRAP(bool,
            _ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE,
            (CondVar * object, Mutex* mutex, Time deadline),
            (object, mutex, deadline), HAWSER_WAITS_ON_MUTEX)

HAWSER_WRAP(void, _ZN4absl7debian312Notification6NotifyEv,
            (Notification * object), (object), HAWSER_UNLOCKS)
HAWSER_WRAP(void, _ZNK4absl7debian312Notification19WaitForNotificationEv,
            (const Notification* object), (object), HAWSER_LOCKS)
HAWSER_WRAP(
    bool,
    _ZNK4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE,
    (const Notification* object, Duration timeout), (object, timeout),
    HAWSER_LOCKS)
HAWSER_WRAP(bool, _ZN4absl7debian315BlockingCounter14DecrementCountEv,
            (BlockingCounter * object), (object), HAWSER_UNLOCKS)
HAWSER_WRAP(void, _ZN4absl7debian315BlockingCounter4WaitEv,
            (BlockingCounter * object), (object), HAWSER_LOCKS)

// Reports from inside libraries that were built without ThreadSanitizer, whose
// order it cannot know. One line a library: each may match only one.
extern "C" const char* __tsan_default_suppressions();

const char* __tsan_default_suppressions() {
  return "called_from_lib:libabsl_graphcycles_internal.so\n"
         "called_from_lib:libabsl_synchronization.so\n"
         "called_from_lib:libglog.so\n"
         "called_from_lib:libprotobuf.so\n";
}
