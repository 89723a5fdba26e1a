// train/superclass/class_names.h: names of classes. The files of this folder identify classes by their names.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace mvmoe {

// The name as valid UTF-8: invalid bytes are replaced, as in the description of weights, because JSON must be UTF-8.
// Names are compared and written in this form.
std::string as_utf8(const std::string& name);
std::vector<std::string> as_utf8(const std::vector<std::string>& names);

// The name in quotes, with control characters escaped, for errors and terminals.
std::string in_quotes(const std::string& name);

// Name to index. Throws "SOURCE: ..." if two classes have one name.
std::map<std::string, int> index_of_names(const std::vector<std::string>& names, const std::string& source);

// "" if the names are the expected ones in the expected order. Else says what differs: the number of names, a name that
// is unknown or missing, or the order.
std::string difference(const std::vector<std::string>& names, const std::vector<std::string>& expected);

}  // namespace mvmoe
