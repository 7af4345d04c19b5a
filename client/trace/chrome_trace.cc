#include "client/trace/chrome_trace.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

// Where something is in a viewer.
struct Place {
  uint64_t node = 0;
  const RecordedSpan* span = nullptr;
};

class Writer {
 public:
  Writer(const CollectedTrace& trace,
         absl::FunctionRef<absl::Status(absl::string_view)> write)
      : trace_(trace), write_(write) {
    int64_t first = std::numeric_limits<int64_t>::max();
    for (const auto& member : trace.members) {
      if (!member.spans.empty()) {
        first = std::min(first, member.spans.front().begin_ns);
      }
    }
    if (first != std::numeric_limits<int64_t>::max()) start_ns_ = first;
  }

  absl::Status Write() {
    RETURN_IF_ERROR(write_(absl::StrCat(
        "{\"displayTimeUnit\":\"ms\",\"otherData\":", Metadata().dump(),
        ",\"traceEvents\":[")));
    for (const auto& member : trace_.members) {
      RETURN_IF_ERROR(WriteProcess(member));
      for (const RecordedSpan& span : member.spans) {
        RETURN_IF_ERROR(WriteSpan(member.info.node(), span));
      }
    }
    RETURN_IF_ERROR(WriteFlows());
    return write_("\n]}\n");
  }

 private:
  Json Metadata() const {
    Json members = Json::array();
    for (const auto& member : trace_.members) {
      const TraceMember& info = member.info;
      members.push_back({{"name", NameOf(info)},
                         {"host", info.host()},
                         {"process", info.process()},
                         {"spans", member.spans.size()},
                         {"dropped", info.dropped()},
                         {"missing", info.missing()},
                         {"clock_offset_ns", info.clock_offset_ns()},
                         {"clock_error_ns", info.clock_error_ns()},
                         {"clock_corrected", ClockIsOff(info)}});
    }
    return {{"job", trace_.job},
            {"first_step", trace_.first_step},
            {"steps", trace_.steps},
            {"start_unix_ns", start_ns_},
            {"clock",
             "the scheduler's. A member's spans are moved by its "
             "clock_offset_ns where that is more than its clock_error_ns, and "
             "are then off by at most clock_error_ns; else they are as its own "
             "clock has them."},
            {"members", std::move(members)}};
  }

  absl::Status Event(const Json& event) {
    return write_(absl::StrCat(std::exchange(is_first_, false) ? "\n" : ",\n",
                               event.dump()));
  }

  // Microseconds, exactly.
  double At(int64_t ns) const {
    return static_cast<double>(ns - start_ns_) / 1000;
  }

  absl::Status WriteProcess(const CollectedTrace::Member& member) {
    const uint64_t node = member.info.node();
    const auto name = [&](const char* what, uint32_t thread,
                          const std::string& text) {
      return Event({{"name", what},
                    {"ph", "M"},
                    {"pid", node},
                    {"tid", thread},
                    {"args", {{"name", text}}}});
    };
    std::string process = NameOf(member.info);
    if (!member.info.host().empty()) {
      absl::StrAppend(&process, " (", member.info.host(), ", process ",
                      member.info.process(), ")");
    }
    RETURN_IF_ERROR(name("process_name", 0, process));
    RETURN_IF_ERROR(
        Event({{"name", "process_sort_index"},
               {"ph", "M"},
               {"pid", node},
               {"tid", 0},
               {"args", {{"sort_index", member.info.is_server() ? 1 : 0}}}}));
    std::map<uint32_t, std::set<SpanKind>> threads;
    for (const RecordedSpan& span : member.spans) {
      threads[span.thread].insert(span.kind);
    }
    for (const auto& [thread, kinds] : threads) {
      RETURN_IF_ERROR(name("thread_name", thread, ThreadName(kinds)));
    }
    return absl::OkStatus();
  }

  // By what it does.
  static std::string ThreadName(const std::set<SpanKind>& kinds) {
    static constexpr std::pair<SpanKind, const char*> kNames[] = {
        {SPAN_STEP, "training"},       {SPAN_AGGREGATE, "blocks"},
        {SPAN_OPTIMIZER, "blocks"},    {SPAN_ANSWER, "blocks"},
        {SPAN_PUSH, "sending"},        {SPAN_RECEIVE, "receiving"},
        {SPAN_CHECKPOINT, "reporting"}};
    for (const auto& [kind, name] : kNames) {
      if (kinds.count(kind) != 0) return name;
    }
    return "thread";
  }

  std::string LayerName(int32_t layer) const {
    return layer < trace_.plan.layers_size() ? trace_.plan.layers(layer).name()
                                             : absl::StrCat("layer ", layer);
  }

  absl::Status WriteSpan(uint64_t node, const RecordedSpan& span) {
    std::string name = NameOf(span.kind);
    Json arguments = {{"step", span.step}};
    int32_t layer = span.layer;
    if (span.block != RecordedSpan::kNone) {
      absl::StrAppend(&name, " block ", span.block);
      arguments["block"] = span.block;
      if (span.block < trace_.plan.blocks_size()) {
        layer = static_cast<int32_t>(trace_.plan.blocks(span.block).layer());
      }
    } else if (layer != RecordedSpan::kNone) {
      absl::StrAppend(&name, " ", LayerName(layer));
    } else if (span.kind == SPAN_STEP) {
      absl::StrAppend(&name, " ", span.step);
    }
    if (layer != RecordedSpan::kNone) arguments["layer"] = LayerName(layer);
    if (span.node != 0) arguments["node"] = span.node;
    if (span.bytes != 0) arguments["bytes"] = span.bytes;
    return Event(
        {{"name", name},
         {"cat", NameOf(CategoryOf(span.kind))},
         {"ph", "X"},
         {"pid", node},
         {"tid", span.thread},
         {"ts", At(span.begin_ns)},
         {"dur", static_cast<double>(span.end_ns - span.begin_ns) / 1000},
         {"args", std::move(arguments)}});
  }

  absl::Status WriteArrow(const char* name, const Place& from,
                          const Place& to) {
    const uint64_t id = ++arrows_;
    const auto end = [&](const char* phase, const Place& place) {
      Json event = {{"name", name},
                    {"cat", "flow"},
                    {"ph", phase},
                    {"id", id},
                    {"pid", place.node},
                    {"tid", place.span->thread},
                    {"ts", At(place.span->begin_ns)}};
      if (*phase == 'f') event["bp"] = "e";  // binds to the span it is in
      return Event(event);
    };
    RETURN_IF_ERROR(end("s", from));
    return end("f", to);
  }

  absl::Status WriteFlows() {
    // A worker may push a block several times in a step; a server adds the
    // pushes of one worker in the order they were sent.
    using Push = std::tuple<uint64_t, int32_t, uint64_t>;  // step, block, node
    using Version = std::pair<uint64_t, int32_t>;          // step, block
    std::map<Push, std::vector<Place>> pushes, additions;
    std::map<Version, Place> updates;
    std::map<Version, std::vector<Place>> receipts;
    for (const auto& member : trace_.members) {
      const uint64_t node = member.info.node();
      for (const RecordedSpan& span : member.spans) {
        const Place place{node, &span};
        if (span.kind == SPAN_PUSH) {
          pushes[{span.step, span.block, node}].push_back(place);
        } else if (span.kind == SPAN_RECEIVE) {
          receipts[{span.step, span.block}].push_back(place);
        } else if (span.kind == SPAN_AGGREGATE ||
                   (span.kind == SPAN_OPTIMIZER && span.node != 0)) {
          additions[{span.step, span.block, span.node}].push_back(place);
        } else if (span.kind == SPAN_OPTIMIZER) {
          updates[{span.step, span.block}] = place;
        }
      }
    }
    for (const auto& [push, from] : pushes) {
      const std::vector<Place>& to = additions[push];
      for (size_t i = 0; i < std::min(from.size(), to.size()); ++i) {
        RETURN_IF_ERROR(WriteArrow("push", from[i], to[i]));
      }
    }
    for (const auto& [version, from] : updates) {
      const auto to = receipts.find({version.first + 1, version.second});
      if (to == receipts.end()) continue;
      for (const Place& place : to->second) {
        RETURN_IF_ERROR(WriteArrow("new version", from, place));
      }
    }
    return absl::OkStatus();
  }

  const CollectedTrace& trace_;
  const absl::FunctionRef<absl::Status(absl::string_view)> write_;
  int64_t start_ns_ = 0;
  uint64_t arrows_ = 0;
  bool is_first_ = true;
};

}  // namespace

absl::Status WriteChromeTrace(
    const CollectedTrace& trace,
    absl::FunctionRef<absl::Status(absl::string_view)> write) {
  return Writer(trace, write).Write();
}

}  // namespace hawser
