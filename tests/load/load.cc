// Requests at a steady rate, every answer checked:
//
//   slipway_load HOST:PORT PATH BODY_FILE RATE CONNECTIONS [HEADER: VALUE]…
//
// Lines on standard input steer it, each answered by a line of JSON:
//   allow REVISION…   from now on those whose names begin so may answer (none: any)
//   report            what was counted so far
//   stop              send nothing more, wait for what is out, report, end; so does the end of the input
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <span>
#include <sstream>

#include "caller.h"

namespace slipway::load {
namespace {

std::string request_bytes(std::span<char*> words) {
  std::ifstream file(words[3], std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "%s cannot be read\n", words[3]);
    std::exit(2);
  }
  std::stringstream body;
  body << file.rdbuf();
  std::string more;
  for (const char* each : words.subspan(6)) more += fmt::format("{}\r\n", each);
  return fmt::format(
      "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{}\r\n{}",
      words[2], words[1], body.str().size(), more, body.str());
}

// What people say, a line at a time, as far as it has arrived.
class Commands {
 public:
  bool ended() const { return ended_; }

  std::vector<std::string> take() {
    std::array<char, 4096> bytes;
    const auto got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (got <= 0) ended_ = true;
    if (got > 0) text_.append(bytes.data(), static_cast<size_t>(got));
    std::vector<std::string> lines;
    for (size_t end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
      lines.push_back(text_.substr(0, end));
      text_.erase(0, end + 1);
    }
    return lines;
  }

 private:
  std::string text_;
  bool ended_ = false;
};

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

// True: it is to stop.
bool obey(const std::string& line, Tally& tally) {
  std::istringstream words(line);
  std::string verb;
  words >> verb;
  if (verb == "stop") return true;
  if (verb == "allow") {
    std::vector<std::string> revisions;
    for (std::string each; words >> each;) revisions.push_back(each);
    tally.allow(std::move(revisions));
    say("{}");
  } else if (verb == "report") {
    say(tally.report());
  }
  return false;
}

void run(Caller& caller, Tally& tally) {
  Commands commands;
  bool stopping = false;
  while (!stopping || tally.unanswered() > 0) {
    std::array<pollfd, 2> both{{{caller.descriptor(), POLLIN, 0}, {stopping ? -1 : STDIN_FILENO, POLLIN, 0}}};
    ::poll(both.data(), both.size(), -1);
    if (both[1].revents != 0)
      for (const std::string& line : commands.take()) stopping |= obey(line, tally);
    stopping |= commands.ended();
    if (stopping) caller.finish();
    caller.step(std::chrono::steady_clock::now());
  }
  say(tally.report());
}

int start(std::span<char*> words) {
  if (words.size() < 6) {
    std::fprintf(stderr, "slipway_load HOST:PORT PATH BODY_FILE RATE CONNECTIONS [HEADER: VALUE]...\n");
    return 2;
  }
  const auto to = http::parse_address(words[1]);
  if (!to) {
    std::fprintf(stderr, "%s\n", to.error().message.c_str());
    return 2;
  }
  Tally tally;
  Caller caller({.to = *to,
                 .request = request_bytes(words),
                 .rate = std::max(1.0, std::atof(words[4])),
                 .connections = static_cast<size_t>(std::clamp(std::atoi(words[5]), 1, 4096))},
                tally);
  run(caller, tally);
  return 0;
}

}  // namespace
}  // namespace slipway::load

int main(int count, char** words) {
  return slipway::load::start(std::span(words, static_cast<size_t>(count)));
}
