// train/superclass/class_names.h: classes are told apart by name in every file of this folder.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace mvmoe {

// Names from outside need not be UTF-8, JSON must be: broken bytes are replaced, as in the weights' description. Here
// all names are compared and written in this form.
std::string as_utf8(const std::string& name);
std::vector<std::string> as_utf8(const std::vector<std::string>& names);

// The name in quotes, as it may stand in an error or on a terminal.
std::string in_quotes(const std::string& name);

// Name to index. Throws "SOURCE: ..." if two classes have one name.
std::map<std::string, int> index_of_names(const std::vector<std::string>& names, const std::string& source);

// "" if the names are the expected ones in the expected order, else what is wrong: their number, one that is unknown or
// missing, or the order.
std::string difference(const std::vector<std::string>& names, const std::vector<std::string>& expected);

}  // namespace mvmoe
