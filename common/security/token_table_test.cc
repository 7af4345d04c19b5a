#include "common/security/token_table.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/manual_clock.h"
#include "common/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;
using Outcome = TokenTable::Outcome;
using Role = Identity::Role;

std::string HashOf(const std::string& token) {
  Sha256 hash;
  hash.Update(token.data(), token.size());
  return hash.Hex();
}

class TokenTableTest : public testing::Test {
 protected:
  void SetUp() override { std::remove(path_.c_str()); }
  // In place, or as Kubernetes does it: another file takes its name.
  void Write(const std::string& text) {
    std::ofstream(path_ + ".new") << text;
    ASSERT_EQ(rename((path_ + ".new").c_str(), path_.c_str()), 0);
  }
  void Open() {
    auto table = TokenTable::Open(path_, &clock_);
    ASSERT_TRUE(table.ok()) << table.status();
    table_ = *std::move(table);
  }
  std::string NameOf(const std::string& token) {
    const auto identity = table_->Find(token);
    return identity.has_value() ? identity->name : "";
  }
  absl::Status OpenError(const std::string& text) {
    Write(text);
    return TokenTable::Open(path_, &clock_).status();
  }

  const std::string path_ = testing::TempDir() + "/token_table_test";
  ManualClock clock_;
  std::unique_ptr<TokenTable> table_;
};

TEST_F(TokenTableTest, FindsWhoseATokenIs) {
  Write(absl::StrCat("# people\n\n  view\tann  ", HashOf("a"),
                     "\nworker pool-1 ", absl::AsciiStrToUpper(HashOf("b")),
                     "\r\n"));
  Open();
  EXPECT_EQ(NameOf("a"), "ann");
  EXPECT_EQ(table_->Find("a")->role, Role::kView);
  EXPECT_EQ(NameOf("b"), "pool-1");
  EXPECT_EQ(table_->Find("b")->role, Role::kWorker);
  for (const std::string& token :
       {std::string(), std::string("c"), std::string("a "), HashOf("a"),
        std::string("a\0", 2), std::string(1 << 16, 'a')}) {
    EXPECT_EQ(NameOf(token), "") << token.size();
  }
}

TEST_F(TokenTableTest, ATokenEndsAtItsExpiry) {
  Write(absl::StrCat("admin ann ", HashOf("a"), " 2027-01-15T08:00:10Z\n"));
  Open();
  clock_.Advance(absl::Seconds(9));
  EXPECT_EQ(NameOf("a"), "ann");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(NameOf("a"), "");
  const TokenTable::Lookup lookup = table_->LookUp("a");
  EXPECT_EQ(lookup.outcome, Outcome::kExpired);
  EXPECT_EQ(lookup.identity.name, "ann");
}

TEST_F(TokenTableTest, OfTwoLinesWithOneTokenTheOneThatHoldsCounts) {
  Write(absl::StrCat("view old ", HashOf("a"), " 2001-01-01T00:00:00Z\n",
                     "admin new ", HashOf("a"), "\n"));
  Open();
  EXPECT_EQ(NameOf("a"), "new");
}

TEST_F(TokenTableTest, AChangeIsSeenWithinASecond) {
  Write(absl::StrCat("admin ann ", HashOf("a"), "\n"));
  Open();
  Write(absl::StrCat("admin ben ", HashOf("b"), "\n"));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(NameOf("a"), "");
  EXPECT_EQ(NameOf("b"), "ben");
}

TEST_F(TokenTableTest, ATokenThatIsAddedIsKnownAtOnce) {
  Write(absl::StrCat("admin ann ", HashOf("a"), "\n"));
  Open();
  EXPECT_EQ(NameOf("a"), "ann");
  Write(absl::StrCat("admin ann ", HashOf("a"), "\nview ben ", HashOf("b"),
                     "\n"));
  EXPECT_EQ(NameOf("b"), "ben");
}

TEST_F(TokenTableTest, ABadChangeLeavesTheTokensAsTheyWere) {
  Write(absl::StrCat("admin ann ", HashOf("a"), "\n"));
  Open();
  Write(absl::StrCat("admin ben ", HashOf("b"), "\nadmin"));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(NameOf("a"), "ann");
  EXPECT_EQ(NameOf("b"), "");
  std::remove(path_.c_str());
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(NameOf("a"), "ann");
  Write(absl::StrCat("admin ben ", HashOf("b"), "\n"));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(NameOf("a"), "");
  EXPECT_EQ(NameOf("b"), "ben");
}

TEST_F(TokenTableTest, AWrongLineIsNamedButNotSaid) {
  EXPECT_EQ(TokenTable::Open(path_, &clock_).status().code(),
            absl::StatusCode::kNotFound);
  const std::string hash = HashOf("a");
  for (const auto& [line, message] :
       std::vector<std::pair<std::string, std::string>>{
           {"admin ann", "ROLE NAME SHA256"},
           {"admin ann " + hash + " 2027-01-15T08:00:10Z more", "ROLE NAME"},
           {"root ann " + hash, "role"},
           {"admin a/b " + hash, "name"},
           {"admin ann secret-token", "64 hexadecimal"},
           {"admin ann " + hash + "0", "64 hexadecimal"},
           {"admin ann " + hash + " tomorrow", "RFC 3339"}}) {
    const absl::Status status = OpenError("# first\n" + line + "\n");
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << line;
    EXPECT_THAT(std::string(status.message()), HasSubstr(":2: ")) << line;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message)) << line;
    EXPECT_THAT(std::string(status.message()),
                testing::Not(HasSubstr("secret")));
  }
}

TEST(RoleTest, MembersAreApartAndPeopleAreNested) {
  EXPECT_TRUE(Includes(Role::kAdmin, Role::kView));
  EXPECT_TRUE(Includes(Role::kSubmit, Role::kView));
  EXPECT_FALSE(Includes(Role::kView, Role::kSubmit));
  EXPECT_FALSE(Includes(Role::kSubmit, Role::kAdmin));
  for (const Role role : {Role::kView, Role::kSubmit, Role::kAdmin}) {
    EXPECT_EQ(ParseRole(RoleName(role)), role);
    for (const Role member : {Role::kWorker, Role::kServer}) {
      EXPECT_FALSE(Includes(role, member));
      EXPECT_FALSE(Includes(member, role));
    }
  }
  EXPECT_FALSE(Includes(Role::kWorker, Role::kServer));
  EXPECT_FALSE(Includes(Role::kServer, Role::kWorker));
  EXPECT_FALSE(ParseRole("root").has_value());
}

}  // namespace
}  // namespace hawser
