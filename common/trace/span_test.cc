#include "common/trace/span.h"

#include <set>
#include <string>

#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

TEST(SpanTest, TravelsUnchanged) {
  RecordedSpan span;
  span.kind = SPAN_PUSH;
  span.thread = 3;
  span.step = 77;
  span.begin_ns = 1'700'000'000'123'456'789;
  span.end_ns = span.begin_ns + 42;
  span.block = 0;
  span.node = 9;
  span.bytes = 4096;
  Span wire;
  ASSERT_TRUE(wire.ParseFromString(ToProto(span).SerializeAsString()));
  const RecordedSpan back = FromProto(wire);
  EXPECT_EQ(back.kind, SPAN_PUSH);
  EXPECT_EQ(back.thread, 3u);
  EXPECT_EQ(back.step, 77u);
  EXPECT_EQ(back.begin_ns, span.begin_ns);
  EXPECT_EQ(back.end_ns, span.end_ns);
  EXPECT_EQ(back.layer, RecordedSpan::kNone);
  EXPECT_EQ(back.block, 0);  // the first block is a block
  EXPECT_EQ(back.node, 9u);
  EXPECT_EQ(back.bytes, 4096u);
}

TEST(SpanTest, EveryKindHasANameOfItsOwn) {
  std::set<std::string> names;
  const auto* kinds = SpanKind_descriptor();
  for (int i = 0; i < kinds->value_count(); ++i) {
    const auto kind = static_cast<SpanKind>(kinds->value(i)->number());
    EXPECT_TRUE(names.insert(NameOf(kind)).second)
        << kinds->value(i)->name() << " needs a line in span.cc";
  }
}

TEST(SpanTest, ComputeIsTheModelAlone) {
  EXPECT_EQ(CategoryOf(SPAN_FORWARD), SpanCategory::kCompute);
  EXPECT_EQ(CategoryOf(SPAN_BACKWARD), SpanCategory::kCompute);
  EXPECT_NE(CategoryOf(SPAN_MERGE), SpanCategory::kCompute);
  EXPECT_NE(CategoryOf(SPAN_LOAD_DATA), SpanCategory::kCompute);
}

}  // namespace
}  // namespace hawser
