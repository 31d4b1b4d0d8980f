#include "services/api/internal/log_query.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "values/domain/units.h"

namespace slipway::api {
namespace {

constexpr size_t kPiece = 64 << 10;
constexpr std::string_view kTimeMember = "{\"time\":\"";  // how a line of ours begins
constexpr size_t kTimeSize = 24;                          // 2026-01-31T23:59:59.123Z

bool flag(const Parameters& parameters, std::string_view name) {
  const std::string text = parameters.get(name);
  return text == "true" || text == "1";
}

Failure invalid_option(const std::string& replica, std::string field, std::string message) {
  return {.code = 422,
          .reason = "Invalid",
          .message = fmt::format("PodLogOptions \"{}\" is invalid: {}: {}", replica, field, message),
          .name = replica,
          .kind = "PodLogOptions",
          .causes = {{std::move(field), "FieldValueInvalid", std::move(message)}}};
}

// A number that is at least `least`; nothing when it is not said.
tl::expected<std::optional<int64_t>, Failure> number(const Parameters& parameters, const std::string& replica,
                                                     const char* name, int64_t least) {
  const std::string text = parameters.get(name);
  if (text.empty()) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return tl::unexpected(bad_request(fmt::format("{}: '{}' is not a number", name, text)));
  if (value >= least) return value;
  return tl::unexpected(invalid_option(
      replica, name, fmt::format("Invalid value: {}: must be greater than or equal to {}", value, least)));
}

// The bytes of the file from there on, as many as there are at once.
Result<size_t> read_at(const os::OpenFile& file, char* into, size_t size, uint64_t offset) {
  const ssize_t got = ::pread(file.descriptor.get(), into, size, static_cast<off_t>(offset));
  if (got < 0) return fail(Code::kUnavailable, "{}: {}", file.path, std::strerror(errno));
  return static_cast<size_t>(got);
}

// Where the last `lines` lines begin: read from the end, so that a long log costs no more than a short one.
Result<uint64_t> tail_offset(const os::OpenFile& file, uint64_t size, int64_t lines) {
  if (lines == 0) return size;
  std::string piece(kPiece, '\0');
  int64_t ends = 0;
  for (uint64_t at = size; at > 0;) {
    const uint64_t begin = at > kPiece ? at - kPiece : 0;
    const auto got = read_at(file, piece.data(), at - begin, begin);
    if (!got) return fail(got.error());
    for (size_t i = *got; i-- > 0;) {
      const bool last = begin + i + 1 == size;  // ends the last line, and is no line of its own
      if (piece[i] == '\n' && !last && ++ends == lines) return begin + i + 1;
    }
    at = begin;
  }
  return 0;
}

uint64_t size_of(const os::OpenFile& file) {
  struct stat at{};
  return ::fstat(file.descriptor.get(), &at) == 0 ? static_cast<uint64_t>(at.st_size) : 0;
}

WallTime changed_at(const os::OpenFile& file) {
  struct stat at{};
  if (::fstat(file.descriptor.get(), &at) != 0) return {};
  return WallTime(std::chrono::seconds(at.st_mtim.tv_sec) + std::chrono::nanoseconds(at.st_mtim.tv_nsec));
}

bool same_file(const os::OpenFile& a, const os::OpenFile& b) {
  struct stat first{}, second{};
  return ::fstat(a.descriptor.get(), &first) == 0 && ::fstat(b.descriptor.get(), &second) == 0 &&
         first.st_ino == second.st_ino && first.st_dev == second.st_dev;
}

// The time that a line of ours begins with; empty for what others wrote.
std::string_view time_of(std::string_view line) {
  if (!line.starts_with(kTimeMember)) return {};
  return line.substr(kTimeMember.size(), kTimeSize);
}

}  // namespace

bool is_replica_name(std::string_view replica) {
  constexpr size_t kLongest = 63 + 1 + 9;  // a revision's name is a label
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  if (replica.empty() || replica.size() > kLongest || !is_letter(replica.front())) return false;
  const size_t dash = replica.rfind('-');
  if (dash == std::string_view::npos || dash + 1 == replica.size()) return false;
  return std::all_of(replica.begin(), replica.end(),
                     [&](char c) { return is_digit(c) || is_letter(c) || c == '-'; }) &&
         std::all_of(replica.begin() + static_cast<ptrdiff_t>(dash) + 1, replica.end(), is_digit);
}

tl::expected<LogQuery, Failure> parse_log_query(const Parameters& parameters, std::string replica,
                                                WallTime now) {
  LogQuery out{.replica = std::move(replica),
               .follow = flag(parameters, "follow"),
               .timestamps = flag(parameters, "timestamps"),
               .previous = flag(parameters, "previous")};
  const auto tail = number(parameters, out.replica, "tailLines", 0);
  const auto limit = number(parameters, out.replica, "limitBytes", 1);
  const auto since = number(parameters, out.replica, "sinceSeconds", 1);
  for (const auto* each : {&tail, &limit, &since})
    if (!*each) return tl::unexpected(each->error());
  out.tail_lines = *tail;
  out.limit_bytes = *limit;
  constexpr int64_t kLongest = int64_t{100} * 366 * 24 * 3600;  // seconds: fits a Duration
  if (*since) out.since = now - std::chrono::seconds(std::min(**since, kLongest));
  if (const std::string time = parameters.get("sinceTime"); !time.empty()) {
    out.since = domain::parse_time(time);
    if (!out.since)
      return tl::unexpected(
          bad_request(fmt::format("sinceTime: '{}' is no time such as 2026-01-31T23:59:59Z", time)));
  }
  if (const std::string container = parameters.get("container"); !container.empty() && container != "server")
    return tl::unexpected(
        bad_request(fmt::format("container {} is not valid for pod {}", container, out.replica)));
  return out;
}

LogReader::LogReader(os::OpenFile file, LogQuery query)
    : file_(std::move(file)),
      query_(std::move(query)),
      by_lines_(query_.timestamps || query_.since),
      limit_(query_.limit_bytes ? static_cast<uint64_t>(*query_.limit_bytes) : UINT64_MAX) {}

Status LogReader::begin() {
  begun_ = true;
  // Lines without a time at a file's beginning cannot be younger than the file.
  if (query_.since) shows_ = changed_at(file_) >= *query_.since;
  if (!query_.tail_lines) return ok();
  const auto offset = tail_offset(file_, size_of(file_), *query_.tail_lines);
  if (!offset) return fail(offset.error());
  offset_ = *offset;
  return by_lines_ ? look_back() : ok();
}

// The time of the lines before those that are asked for: the first of them may have none of its own.
Status LogReader::look_back() {
  const uint64_t begin = offset_ > kPiece ? offset_ - kPiece : 0;
  std::string piece(offset_ - begin, '\0');
  const auto got = read_at(file_, piece.data(), piece.size(), begin);
  if (!got) return fail(got.error());
  for (std::string_view rest = std::string_view(piece).substr(0, *got); !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    take_time(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return ok();
}

Result<std::string> LogReader::read_piece() {
  std::string piece(kPiece, '\0');
  const auto got = read_at(file_, piece.data(), piece.size(), offset_);
  if (!got) return fail(got.error());
  piece.resize(*got);
  offset_ += *got;
  return piece;
}

Result<std::string> LogReader::next() {
  if (!begun_)
    if (Status begun = begin(); !begun) return fail(begun.error());
  while (!complete()) {
    auto piece = read_piece();
    if (!piece || piece->empty()) return piece;
    std::string out = by_lines_ ? by_lines(*piece) : std::move(*piece);
    if (out.size() > limit_) out.resize(limit_);
    limit_ -= limit_ == UINT64_MAX ? 0 : out.size();
    if (!out.empty()) return out;  // else all of it is older than what is asked for
  }
  return std::string();
}

std::string LogReader::by_lines(std::string_view piece) {
  std::string out;
  while (!piece.empty()) {
    const size_t end = piece.find('\n');
    part_ += piece.substr(0, end == std::string_view::npos ? end : end + 1);
    piece.remove_prefix(end == std::string_view::npos ? piece.size() : end + 1);
    const bool whole = end != std::string_view::npos || part_.size() >= kPiece;
    if (whole) out += shown(std::exchange(part_, {}));
  }
  return out;
}

// A line without a time of its own belongs to the one before it.
void LogReader::take_time(std::string_view line) {
  const std::string_view time = time_of(line);
  if (time.empty()) return;
  time_ = time;
  const auto parsed = query_.since ? domain::parse_time(time_) : std::nullopt;
  if (parsed) shows_ = *parsed >= *query_.since;
}

std::string LogReader::shown(std::string_view line) {
  take_time(line);
  if (!shows_ || line.empty()) return "";
  return query_.timestamps && !time_.empty() ? fmt::format("{} {}", time_, line) : std::string(line);
}

bool LogReader::go_on_in(os::OpenFile file) {
  const bool cut = size_of(file) < offset_;
  if (same_file(file_, file) && !cut) return false;
  file_ = std::move(file);
  offset_ = 0;
  part_.clear();
  return true;
}

}  // namespace slipway::api
