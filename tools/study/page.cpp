#include "tools/study/page.h"

#include "tools/report/html.h"

namespace mvmoe::study {

std::string page_of(const Study& study, const Results& results, const std::filesystem::path&) {
  return report::whole_page("mvmoe: " + study.title, "<pre>" + report::escaped(text_table(results)) + "</pre>");
}

}  // namespace mvmoe::study
