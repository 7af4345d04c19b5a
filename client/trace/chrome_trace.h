// A trace as chrome://tracing and ui.perfetto.dev open it: the JSON of
// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
// A process per member, its threads, a complete event ("X") per span, and
// arrows
// ("s", "f") from a push to where it is added, and from a block's optimizer to
// where the next version is received.
//
// Pure.
#ifndef HAWSER_CLIENT_TRACE_CHROME_TRACE_H_
#define HAWSER_CLIENT_TRACE_CHROME_TRACE_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/trace/collected_trace.h"

namespace hawser {

// trace: placed. Hands the text out piece by piece; errors are those of write.
absl::Status WriteChromeTrace(
    const CollectedTrace& trace,
    absl::FunctionRef<absl::Status(absl::string_view)> write);

}  // namespace hawser

#endif  // HAWSER_CLIENT_TRACE_CHROME_TRACE_H_
