// tools/report/sections.h: the parts of a pipeline's page that are about the classes; pipeline_page.cpp puts them in
// order.
#pragma once
#include <string>

#include "tools/report/pipeline.h"

namespace mvmoe::report {

// Which classes the dense model takes for each other, and how much of that falls within the super-classes.
void put_confusion(std::string& page, const Pipeline& p);
// How the super-classes were found, and each with its classes and some of its images.
void put_superclasses(std::string& page, const Pipeline& p);
// How much each expert does, and for which classes.
void put_experts(std::string& page, const Pipeline& p);
// Test images that the router sent elsewhere than to their super-class's expert, the surest first.
void put_misrouted(std::string& page, const Pipeline& p);

// "3 · apple, pear...": the number and the first names of a super-class.
std::string superclass_label(const Pipeline& p, int superclass);
// An <img> of a test image.
void put_image(std::string& page, const Pipeline& p, int index, int true_class);
// How many super-classes and experts are listed one by one.
constexpr std::size_t most_listed = 100;
// "And 400 more.", where there are more.
void put_how_many_more(std::string& page, std::size_t all);

constexpr const char* percent = "\xE2\x80\xAF%";  // after a narrow space that does not break

}  // namespace mvmoe::report
