#include "system/http/web_socket.h"

#include <openssl/evp.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <span>

#include "system/http/internal/channel.h"
#include "system/http/internal/request_head.h"
#include "system/http/internal/response_reader.h"
#include "system/http/internal/web_socket_frames.h"
#include "system/os/random.h"

namespace slipway::http {
namespace {

using internal::Moved;
using internal::Opcode;

constexpr size_t kPieceBytes = 32 << 10;
constexpr size_t kRefusalLimit = 64 << 10;
constexpr int kSwitched = 101;

std::string base64(std::span<const uint8_t> bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes.data(),
                                   static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

std::string new_key() {
  std::array<uint8_t, 16> random{};
  os::random_bytes(random);
  return base64(random);
}

// What a server that understood the key answers. SHA-1 proves that here, and protects nothing.
std::string accepted(const std::string& key) {
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  return base64(std::span(digest).first(size));
}

bool says(std::string_view value, std::string_view lower_case_word) {
  return std::ranges::equal(value, lower_case_word,
                            [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

}  // namespace

class WebSocket::Talk {
 public:
  Talk(Url url, ClientOptions options, Limits limits)
      : url_(std::move(url)), options_(std::move(options)), limits_(limits), frames_(limits.message) {}

  Result<Response> open(const Request& request, std::string_view protocol);
  bool is_open() const { return open_; }
  Result<std::optional<std::string>> receive();
  Status send(Opcode opcode, std::string_view payload);
  Status flush();
  bool wants_more() const { return unsent_.size() - sent_ < limits_.unsent; }
  void close();
  int descriptor() const { return channel_.descriptor(); }
  short events() const { return static_cast<short>(POLLIN | (sent_ < unsent_.size() ? POLLOUT : 0)); }
  void interrupt() { channel_.interrupt(); }

 private:
  Status send_all(std::string_view bytes);
  Result<std::string> read_head();
  Response refusal(Response answer, std::string begun);
  Status check_agreement(const Response& answer, const std::string& key, std::string_view protocol) const;
  Result<std::optional<std::string>> heed(internal::Message message);
  tl::unexpected<Error> broken(Error error);

  const Url url_;
  const ClientOptions options_;
  const Limits limits_;
  internal::Channel channel_{url_, options_};
  internal::ResponseReader reader_;
  internal::FrameReader frames_;
  std::string unsent_;
  size_t sent_ = 0;  // of `unsent_`
  bool open_ = false;
};

Result<Response> WebSocket::Talk::open(const Request& request, std::string_view protocol) {
  Request asked{.method = base::Method::kGet, .target = request.target, .headers = request.headers};
  const std::string key = new_key();
  asked.headers.insert(asked.headers.end(), {{"connection", "Upgrade"},
                                             {"upgrade", "websocket"},
                                             {"sec-websocket-version", "13"},
                                             {"sec-websocket-key", key},
                                             {"sec-websocket-protocol", std::string(protocol)}});
  if (Status checked = internal::check_request(asked, url_, options_); !checked) return fail(checked.error());
  if (Status opened = channel_.open(); !opened) return fail(opened.error());
  reader_.begin(base::Method::kGet);
  if (Status sent = send_all(internal::head_of(asked, url_, options_)); !sent) return broken(sent.error());
  const auto rest = read_head();
  if (!rest) return broken(rest.error());
  Response answer = reader_.take_head();
  if (answer.status != kSwitched) return refusal(std::move(answer), *rest);
  if (Status agreed = check_agreement(answer, key, protocol); !agreed) return broken(agreed.error());
  frames_.feed(*rest);
  open_ = true;
  return answer;
}

Status WebSocket::Talk::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    size_t sent = 0;
    const Moved moved = channel_.send_now(bytes, sent);
    bytes.remove_prefix(sent);
    if (moved == Moved::kEnd || moved == Moved::kBroken) return ok();  // reading says why
    if (moved == Moved::kSome) continue;
    if (Status waited = channel_.wait(moved == Moved::kWaitsForRoom ? POLLOUT : POLLIN); !waited)
      return waited;
  }
  return ok();
}

// Until the head is there; gives the bytes that came behind it.
Result<std::string> WebSocket::Talk::read_head() {
  std::array<char, kPieceBytes> piece{};
  while (true) {
    const auto got = channel_.receive(piece);
    if (!got) return fail(got.error());
    if (*got == 0)
      return fail(Code::kUnavailable, "{} closed the connection before it answered", url_.address.str());
    const std::string_view bytes(piece.data(), *got);
    const size_t taken = reader_.feed_head(bytes);
    if (reader_.fault()) return fail(base::within(url_.address.str(), *reader_.fault()));
    if (reader_.has_head()) return std::string(bytes.substr(taken));
  }
}

// The answer with as much of its body as there is: the status alone says enough.
Response WebSocket::Talk::refusal(Response answer, std::string bytes) {
  std::array<char, kPieceBytes> piece{}, body{};
  while (!reader_.complete() && !reader_.fault() && answer.body.size() < kRefusalLimit) {
    for (std::string_view rest = bytes; !rest.empty() && !reader_.complete() && !reader_.fault();) {
      const auto fed = reader_.feed_body(rest, body);
      answer.body.append(body.data(), fed.given);
      if (fed.taken == 0) break;
      rest.remove_prefix(fed.taken);
    }
    if (reader_.complete() || reader_.fault()) break;
    const auto got = channel_.receive(piece);
    if (!got || *got == 0) break;
    bytes.assign(piece.data(), *got);
  }
  channel_.close();
  return answer;
}

Status WebSocket::Talk::check_agreement(const Response& answer, const std::string& key,
                                        std::string_view protocol) const {
  const bool agreed =
      says(answer.find("upgrade"), "websocket") && answer.find("sec-websocket-accept") == accepted(key) &&
      answer.find("sec-websocket-protocol") == protocol && answer.find("sec-websocket-extensions").empty();
  if (agreed) return ok();
  return fail(Code::kInvalid, "{} does not agree to speak {} over a WebSocket", url_.address.str(), protocol);
}

tl::unexpected<Error> WebSocket::Talk::broken(Error error) {
  open_ = false;
  channel_.close();
  return fail(std::move(error));
}

Result<std::optional<std::string>> WebSocket::Talk::receive() {
  while (open_) {
    if (auto message = frames_.next()) {
      auto given = heed(std::move(*message));
      if (!given) return broken(given.error());
      if (*given) return given;
      continue;
    }
    if (frames_.fault()) return broken(base::within(url_.address.str(), *frames_.fault()));
    size_t got = 0;
    std::array<char, kPieceBytes> piece{};
    const Moved moved = channel_.receive_now(piece, got);
    if (const Status goes = channel_.go_on(); !goes) return broken(goes.error());
    if (moved == Moved::kEnd || moved == Moved::kBroken)
      return broken({Code::kUnavailable, url_.address.str() + " broke off without a goodbye"});
    if (got == 0) return std::nullopt;
    frames_.feed({piece.data(), got});
  }
  return std::nullopt;
}

Result<std::optional<std::string>> WebSocket::Talk::heed(internal::Message message) {
  switch (message.opcode) {
    case Opcode::kPing:
      if (Status answered = send(Opcode::kPong, message.payload); !answered) return fail(answered.error());
      return std::nullopt;
    case Opcode::kPong:
      return std::nullopt;
    case Opcode::kClose:
      close();
      return std::nullopt;
    default:
      return std::move(message.payload);
  }
}

Status WebSocket::Talk::send(Opcode opcode, std::string_view payload) {
  std::array<uint8_t, 4> mask{};
  os::random_bytes(mask);
  if (sent_ == unsent_.size()) unsent_.clear(), sent_ = 0;
  unsent_ += internal::client_frame(opcode, payload, mask);
  return flush();
}

Status WebSocket::Talk::flush() {
  while (open_ && sent_ < unsent_.size()) {
    size_t sent = 0;
    const Moved moved = channel_.send_now(std::string_view(unsent_).substr(sent_), sent);
    sent_ += sent;
    if (const Status goes = channel_.go_on(); !goes) return broken(goes.error());
    if (moved == Moved::kEnd || moved == Moved::kBroken) break;  // receive() says why
    if (moved != Moved::kSome) break;
  }
  return ok();
}

void WebSocket::Talk::close() {
  constexpr std::string_view kNormally("\x03\xE8", 2);  // 1000
  if (!open_) return;
  static_cast<void>(send(Opcode::kClose, kNormally));
  open_ = false;
  channel_.close();
}

WebSocket::WebSocket(Url url, ClientOptions options, Limits limits)
    : talk_(std::make_unique<Talk>(std::move(url), std::move(options), limits)) {}
WebSocket::~WebSocket() { close(); }
Result<Response> WebSocket::open(const Request& request, std::string_view protocol) {
  return talk_->open(request, protocol);
}
bool WebSocket::is_open() const { return talk_->is_open(); }
Result<std::optional<std::string>> WebSocket::receive() { return talk_->receive(); }
Status WebSocket::send(std::string_view message) { return talk_->send(Opcode::kBinary, message); }
Status WebSocket::flush() { return talk_->flush(); }
bool WebSocket::wants_more() const { return talk_->wants_more(); }
void WebSocket::close() { talk_->close(); }
int WebSocket::descriptor() const { return talk_->descriptor(); }
short WebSocket::events() const { return talk_->events(); }
void WebSocket::interrupt() { talk_->interrupt(); }

}  // namespace slipway::http
