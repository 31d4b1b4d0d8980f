#include "system/runtime/cgroup.h"

#include <algorithm>
#include <optional>

namespace slipway::runtime {
namespace {

constexpr size_t kMaxFields = 64;  // of a line: mountinfo has ten or eleven, a process a dozen controllers

std::vector<std::string_view> split(std::string_view text, char between) {
  std::vector<std::string_view> parts;
  while (!text.empty() && parts.size() < kMaxFields) {
    const size_t end = std::min(text.find(between), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

template <class Use>
void each_line(std::string_view text, Use&& use) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    use(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool lists(std::string_view words, std::string_view controller) {
  const auto each = split(words, ',');
  return std::find(each.begin(), each.end(), controller) != each.end();
}

// The process's group in each of the two hierarchies that can limit it.
struct Own {
  std::optional<std::string_view> v1, v2;
};

// Lines such as "4:cpu,cpuacct:/user.slice" and "0::/user.slice".
Own own_groups(std::string_view controller, std::string_view self_cgroup) {
  Own own;
  each_line(self_cgroup, [&](std::string_view line) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) return;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (controllers.empty()) own.v2 = line.substr(second + 1);
    if (lists(controllers, controller)) own.v1 = line.substr(second + 1);
  });
  return own;
}

// Spaces and the like stand in mountinfo as "\040".
std::string unescaped(std::string_view text) {
  const auto octal = [&](size_t i) { return text[i] >= '0' && text[i] <= '7'; };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// The group's path below what is mounted; empty at the top, and where it is not below it.
std::string_view below(std::string_view root, std::string_view group) {
  if (group.find("/..") != std::string_view::npos) return "";
  if (root != "/") {
    if (!group.starts_with(root)) return "";
    group.remove_prefix(root.size());
  }
  const bool inside = group.size() > 1 && group[0] == '/';
  return inside ? group : "";
}

void add_upward(const std::string& mount, std::string_view group, std::vector<std::string>& folders) {
  for (; !group.empty(); group = group.substr(0, group.rfind('/')))
    folders.push_back(mount + std::string(group));
  folders.push_back(mount);
}

}  // namespace

// Lines such as "33 24 0:29 /root /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct".
std::vector<std::string> cgroups(std::string_view controller, std::string_view self_cgroup,
                                 std::string_view mountinfo) {
  Own own = own_groups(controller, self_cgroup);
  std::vector<std::string> folders;
  each_line(mountinfo, [&](std::string_view line) {
    const size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) return;
    const auto place = split(line.substr(0, dash), ' '), kind = split(line.substr(dash + 3), ' ');
    if (place.size() < 5 || kind.size() < 3) return;
    const bool v1 = kind[0] == "cgroup" && lists(kind[2], controller);
    if (!v1 && kind[0] != "cgroup2") return;
    std::optional<std::string_view>& group = v1 ? own.v1 : own.v2;
    if (!group) return;
    add_upward(unescaped(place[4]), below(unescaped(place[3]), *group), folders);
    group.reset();  // a second mount of it shows the same
  });
  return folders;
}

}  // namespace slipway::runtime
