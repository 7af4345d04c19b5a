// Text in columns, for people.
//
// Pure.
#ifndef HAWSER_CLIENT_CLI_TABLE_H_
#define HAWSER_CLIENT_CLI_TABLE_H_

#include <string>
#include <vector>

namespace hawser {

using Row = std::vector<std::string>;

// A line a row, each column as wide as its widest cell. The first row is the
// header.
std::string Table(const std::vector<Row>& rows);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_TABLE_H_
