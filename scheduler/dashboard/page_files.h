// The files of the dashboard's page, which are in the program itself
// (page/, embed_page.py).
#ifndef HAWSER_SCHEDULER_DASHBOARD_PAGE_FILES_H_
#define HAWSER_SCHEDULER_DASHBOARD_PAGE_FILES_H_

#include <string>
#include <vector>

namespace hawser {

struct PageFile {
  std::string path;  // of the URL
  std::string content_type;
  std::string content;
};

const std::vector<PageFile>& PageFiles();

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_DASHBOARD_PAGE_FILES_H_
