// Events of the journal, before what they say is filled in.
#ifndef HAWSER_SCHEDULER_STATE_JOURNAL_EVENTS_H_
#define HAWSER_SCHEDULER_STATE_JOURNAL_EVENTS_H_

#include "absl/time/time.h"
#include "proto/journal.pb.h"

namespace hawser {

inline JournalEvent EventAt(absl::Time now) {
  JournalEvent event;
  event.set_unix_ms(absl::ToUnixMillis(now));
  return event;
}

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_JOURNAL_EVENTS_H_
