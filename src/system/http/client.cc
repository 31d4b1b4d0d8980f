#include "system/http/client.h"

#include <llhttp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace slipway::http {
namespace {

constexpr size_t kHeadLimit = 64 << 10;

// A response as llhttp's callbacks fill it.
struct Reading {
  Response response;
  size_t body_limit = 0;
  size_t head_bytes = 0;
  bool too_large = false, complete = false;
  bool name_open = false;

  static Reading& of(llhttp_t* parser) { return *static_cast<Reading*>(parser->data); }
  static int on_name(llhttp_t* parser, const char* at, size_t size) {
    Reading& me = of(parser);
    if (!std::exchange(me.name_open, true)) me.response.headers.emplace_back();
    std::transform(at, at + size, std::back_inserter(me.response.headers.back().first),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return me.count(size);
  }
  static int on_value(llhttp_t* parser, const char* at, size_t size) {
    Reading& me = of(parser);
    me.name_open = false;
    me.response.headers.back().second.append(at, size);
    return me.count(size);
  }
  static int on_value_complete(llhttp_t* parser) {
    of(parser).name_open = false;
    return 0;
  }
  static int on_body(llhttp_t* parser, const char* at, size_t size) {
    Reading& me = of(parser);
    me.too_large = me.response.body.size() + size > me.body_limit;
    if (!me.too_large) me.response.body.append(at, size);
    return me.too_large ? HPE_USER : 0;
  }
  static int on_complete(llhttp_t* parser) {
    Reading& me = of(parser);
    me.response.status = parser->status_code;
    if (parser->status_code == 100) {
      me.response = {};
      return 0;
    }
    me.complete = true;
    return HPE_PAUSED;
  }
  int count(size_t size) {
    head_bytes += size;
    too_large = head_bytes > kHeadLimit;
    return too_large ? HPE_USER : 0;
  }
};

const llhttp_settings_t kSettings = [] {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_header_field = Reading::on_name;
  settings.on_header_value = Reading::on_value;
  settings.on_header_value_complete = Reading::on_value_complete;
  settings.on_body = Reading::on_body;
  settings.on_message_complete = Reading::on_complete;
  return settings;
}();

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

}  // namespace

std::string_view Response::find(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers)
    if (name == lower_case_name) return value;
  return {};
}

Result<Url> parse_url(std::string_view text) {
  if (text.starts_with("unix:")) {
    auto address = parse_address(text);
    if (!address) return fail(address.error());
    return Url{.address = *address, .host = "localhost", .prefix = ""};
  }
  if (text.starts_with("https://"))
    return fail(Code::kUnsupported, "{}: https is not spoken yet; use http://", text);
  if (!text.starts_with("http://"))
    return fail(Code::kInvalid, "'{}' is not a URL; it looks like http://127.0.0.1:8080", text);
  text.remove_prefix(7);
  const size_t slash = std::min(text.find('/'), text.size());
  std::string host(text.substr(0, slash));
  std::string_view prefix = text.substr(slash);
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  const bool has_port = host.rfind(':') != std::string::npos && !host.ends_with(']');
  auto address = parse_address(has_port ? host : host + ":80");
  if (!address) return fail(address.error());
  return Url{.address = *address, .host = std::move(host), .prefix = std::string(prefix)};
}

Client::Client(Url url, ClientOptions options) : url_(std::move(url)), options_(options) {}

Client::~Client() { close(); }

void Client::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<Response> Client::ask(const Request& request) {
  std::string bytes = fmt::format("{} {}{} HTTP/1.1\r\nhost: {}\r\n", base::name(request.method), url_.prefix,
                                  request.target, url_.host);
  for (const auto& [name, value] : request.headers) bytes += fmt::format("{}: {}\r\n", name, value);
  if (!request.body.empty() || request.method == base::Method::kPost)
    bytes += fmt::format("content-length: {}\r\n", request.body.size());
  bytes += "\r\n";
  bytes += request.body;
  const bool kept = fd_ >= 0;
  auto response = ask_once(bytes, request.method);
  if (!response && kept && response.error().code == Code::kUnavailable)
    response = ask_once(bytes, request.method);
  return response;
}

Result<Response> Client::ask_once(const std::string& bytes, base::Method method) {
  if (fd_ < 0) {
    const auto fd = connect_to(url_.address, options_.timeout_ms);
    if (!fd) return fail(fd.error());
    fd_ = *fd;
    const timeval wait{.tv_sec = options_.timeout_ms / 1000, .tv_usec = options_.timeout_ms % 1000 * 1000};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  }
  send_all(fd_, bytes);  // a server may refuse and close before it has read everything; its answer says why
  auto response = read_response(method);
  if (!response) close();
  return response;
}

Result<Response> Client::read_response(base::Method method) {
  Reading reading{.response = {}, .body_limit = options_.body_limit};
  llhttp_t parser;
  llhttp_init(&parser, HTTP_RESPONSE, &kSettings);
  parser.data = &reading;
  if (method == base::Method::kHead) parser.flags |= F_SKIPBODY;
  std::array<char, 65536> bytes;
  while (!reading.complete) {
    const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return fail(Code::kTimeout, "{} did not answer within {} ms", url_.address.str(), options_.timeout_ms);
    if (got < 0) return fail(Code::kUnavailable, "{}: {}", url_.address.str(), std::strerror(errno));
    const llhttp_errno_t error =
        got == 0 ? llhttp_finish(&parser) : llhttp_execute(&parser, bytes.data(), static_cast<size_t>(got));
    if (reading.too_large) return fail(Code::kTooLarge, "the answer of {} is too large", url_.address.str());
    if (reading.complete) break;
    if (got == 0)
      return fail(Code::kUnavailable, "{} closed the connection before it answered", url_.address.str());
    if (error != HPE_OK)
      return fail(Code::kInvalid, "{} answered something that is not HTTP", url_.address.str());
  }
  const bool keep = llhttp_should_keep_alive(&parser) != 0;
  if (!keep) close();
  return std::move(reading.response);
}

}  // namespace slipway::http
