#include "common/strict_json.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace hawser {
namespace {

using Json = nlohmann::json;

// Goes over the text once, without keeping anything but the names of the
// objects that are open; false ends the pass.
class Checker : public nlohmann::json_sax<Json> {
 public:
  explicit Checker(const JsonLimits& limits) : limits_(limits) {}

  const std::string& error() const { return error_; }

  bool null() override { return Count(); }
  bool boolean(bool) override { return Count(); }
  bool number_integer(number_integer_t) override { return Count(); }
  bool number_unsigned(number_unsigned_t) override { return Count(); }
  bool number_float(number_float_t, const string_t&) override {
    return Count();
  }
  bool string(string_t&) override { return Count(); }
  bool binary(binary_t&) override { return Count(); }
  bool start_object(size_t) override { return Enter(); }
  bool start_array(size_t) override { return Enter(); }
  bool end_object() override { return Leave(); }
  bool end_array() override { return Leave(); }
  bool key(string_t& name) override {
    if (names_.back().insert(name).second) return true;
    error_ = absl::StrCat("\"", name, "\" stands twice");
    return false;
  }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    error_ = absl::StrCat("it is not JSON at byte ", position);
    return false;
  }

 private:
  bool Count() {
    if (++values_ <= limits_.values) return true;
    error_ = absl::StrCat("it has more than ", limits_.values, " values");
    return false;
  }
  bool Enter() {
    names_.emplace_back();
    if (names_.size() <= limits_.depth) return Count();
    error_ = absl::StrCat("it is nested more than ", limits_.depth, " deep");
    return false;
  }
  bool Leave() {
    names_.pop_back();
    return true;
  }

  const JsonLimits limits_;
  std::string error_;
  size_t values_ = 0;
  std::vector<std::set<std::string>> names_;
};

}  // namespace

absl::StatusOr<Json> ParseJsonObject(absl::string_view text,
                                     const JsonLimits& limits) {
  Checker checker(limits);
  if (!Json::sax_parse(text.begin(), text.end(), &checker)) {
    return absl::InvalidArgumentError(checker.error());
  }
  Json json = Json::parse(text.begin(), text.end(), nullptr,
                          /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::InvalidArgumentError("it is not a JSON object");
  }
  return json;
}

}  // namespace hawser
