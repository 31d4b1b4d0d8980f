#include "system/http/client.h"

#include <poll.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "system/http/internal/channel.h"
#include "system/http/internal/request_head.h"
#include "system/http/internal/response_reader.h"

namespace slipway::http {
namespace {

constexpr size_t kInputBytes = 64 << 10;
constexpr size_t kPieceBytes = 128 << 10;  // of a body from a source
constexpr size_t kJoinedBody = 16 << 10;   // a smaller body goes out together with its head

}  // namespace

std::string_view Response::find(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers)
    if (name == lower_case_name) return value;
  return {};
}

// One connection and what is being said on it.
class Client::Talk {
 public:
  Talk(Url url, ClientOptions options) : url_(std::move(url)), options_(std::move(options)) {}

  Result<Response> begin(const Request& request);
  Result<size_t> read(std::span<char> into);
  Result<Response> ask(const Request& request);
  void interrupt() { channel_.interrupt(); }
  void expect_body() {
    if (options_.body_timeout_ms != 0) channel_.wait_at_most(options_.body_timeout_ms);
  }

 private:
  enum class State : uint8_t {
    kQuiet,     // no answer to read
    kReading,   // a body is on its way
    kComplete,  // it came
  };
  // What sending came to: kEnough when the answer is there, or the peer has gone and reading says why.
  enum class Sent : uint8_t { kAll, kEnough };

  Result<Response> begin_once(const Request& request, const std::string& head);
  void make_ready();
  Result<Sent> send_request(const Request& request, const std::string& head);
  Result<Sent> send_source(const BodySource& source);
  Result<Sent> send(std::string_view bytes);
  bool hear();
  Status read_head();
  void feed_head();
  Error fault() const;
  tl::unexpected<Error> give_up(Error error);
  void complete();
  std::string_view input() const { return {input_.get() + begin_, end_ - begin_}; }

  const Url url_;
  const ClientOptions options_;
  internal::Channel channel_{url_, options_};
  internal::ResponseReader reader_;
  State state_ = State::kQuiet;
  bool sent_all_ = false;
  std::unique_ptr<char[]> input_ = std::make_unique<char[]>(kInputBytes);
  size_t begin_ = 0, end_ = 0;  // unread bytes of the input
};

Result<Response> Client::Talk::begin(const Request& request) {
  if (Status checked = internal::check_request(request, url_, options_); !checked)
    return fail(checked.error());
  const std::string head = internal::head_of(request, url_, options_);
  channel_.wait_at_most(options_.timeout_ms);
  make_ready();
  const bool kept = channel_.is_open();
  auto response = begin_once(request, head);
  // A POST may have been done: whether to do it twice is its sender's to say.
  const bool may_repeat = request.method != base::Method::kPost && request.source == nullptr;
  const bool again = !response && response.error().code == Code::kUnavailable && kept && !reader_.heard() &&
                     may_repeat && channel_.go_on();
  return again ? begin_once(request, head) : std::move(response);
}

// A body that was not read to its end leaves a connection without use; so do bytes that nobody asked for, and
// an end that came meanwhile.
void Client::Talk::make_ready() {
  if (state_ == State::kReading) channel_.close();
  state_ = State::kQuiet;
  begin_ = end_ = 0;
  if (!channel_.is_open()) return;
  size_t got = 0;
  if (channel_.receive_now({input_.get(), kInputBytes}, got) != internal::Moved::kWaitsForBytes)
    channel_.close();
}

Result<Response> Client::Talk::begin_once(const Request& request, const std::string& head) {
  reader_.begin(request.method);
  begin_ = end_ = 0;
  if (!channel_.is_open())
    if (Status opened = channel_.open(); !opened) return fail(opened.error());
  const auto sent = send_request(request, head);
  if (!sent) return give_up(sent.error());
  sent_all_ = *sent == Sent::kAll;
  if (Status read = read_head(); !read) return give_up(read.error());
  state_ = State::kReading;
  Response response = reader_.take_head();
  if (reader_.complete()) complete();
  return response;
}

Result<Client::Talk::Sent> Client::Talk::send_request(const Request& request, const std::string& head) {
  if (request.source == nullptr && request.body.size() <= kJoinedBody)
    return send(head + std::string(request.body));
  const auto sent = send(head);
  if (!sent || *sent == Sent::kEnough) return sent;
  return request.source != nullptr ? send_source(*request.source) : send(request.body);
}

Result<Client::Talk::Sent> Client::Talk::send_source(const BodySource& source) {
  const auto piece = std::make_unique<char[]>(kPieceBytes);
  for (uint64_t left = source.size; left > 0;) {
    const size_t asked = std::min<uint64_t>(left, kPieceBytes);
    const auto got = source.read({piece.get(), asked});
    if (!got) return fail(got.error());
    if (*got == 0 || *got > asked)
      return fail(Code::kInvalid, "the body for {} ended {} bytes before its size of {}", url_.address.str(),
                  left, source.size);
    left -= *got;
    const auto sent = send({piece.get(), *got});
    if (!sent || *sent == Sent::kEnough) return sent;
    if (left > 0 && !hear()) return Sent::kEnough;
  }
  return Sent::kAll;
}

Result<Client::Talk::Sent> Client::Talk::send(std::string_view bytes) {
  while (!bytes.empty()) {
    size_t sent = 0;
    const internal::Moved moved = channel_.send_now(bytes, sent);
    bytes.remove_prefix(sent);
    if (moved == internal::Moved::kSome) continue;
    if (const Status goes = channel_.go_on(); !goes) return fail(goes.error());
    if (moved != internal::Moved::kWaitsForRoom) return Sent::kEnough;
    if (const Status waited = channel_.wait(POLLIN | POLLOUT); !waited) return fail(waited.error());
    if (!hear()) return Sent::kEnough;
  }
  return Sent::kAll;
}

// Takes what has come so far. False: there is nothing more to send for.
bool Client::Talk::hear() {
  size_t got = 0;
  const auto moved = channel_.receive_now({input_.get() + end_, kInputBytes - end_}, got);
  end_ += got;
  feed_head();
  if (moved == internal::Moved::kEnd || moved == internal::Moved::kBroken) return false;
  return !reader_.has_head() && !reader_.fault();
}

void Client::Talk::feed_head() {
  begin_ += reader_.feed_head(input());
  if (begin_ == end_) begin_ = end_ = 0;
}

Status Client::Talk::read_head() {
  while (!reader_.has_head() && !reader_.fault()) {
    const auto got = channel_.receive({input_.get() + end_, kInputBytes - end_});
    if (!got) return fail(got.error());
    if (*got == 0)
      return fail(Code::kUnavailable, "{} closed the connection before it answered", url_.address.str());
    end_ += *got;
    feed_head();
  }
  return reader_.fault() ? Status(fail(fault())) : ok();
}

Error Client::Talk::fault() const { return base::within(url_.address.str(), *reader_.fault()); }

tl::unexpected<Error> Client::Talk::give_up(Error error) {
  channel_.close();
  state_ = State::kQuiet;
  return fail(std::move(error));
}

void Client::Talk::complete() {
  state_ = State::kComplete;
  // Bytes behind the answer belong to no request of ours.
  if (!sent_all_ || !reader_.keep_alive() || begin_ != end_) channel_.close();
}

Result<size_t> Client::Talk::read(std::span<char> into) {
  if (state_ == State::kQuiet)
    return fail(Code::kInvalid, "no answer of {} is being read; begin() comes first", url_.address.str());
  size_t given = 0;
  while (state_ == State::kReading && given == 0 && !into.empty()) {
    while (begin_ != end_ && given < into.size() && !reader_.complete() && !reader_.fault()) {
      const auto fed = reader_.feed_body(input().substr(0, into.size() - given), into.subspan(given));
      begin_ += fed.taken;
      given += fed.given;
    }
    if (reader_.fault()) return give_up(fault());
    if (reader_.complete()) complete();
    if (given > 0 || state_ != State::kReading) break;
    const auto got = channel_.receive({input_.get(), kInputBytes});
    if (!got && got.error().code == Code::kTimeout) return fail(got.error());
    if (!got) return give_up(got.error());
    begin_ = 0;
    end_ = *got;
    if (*got > 0) continue;
    reader_.at_end();
    if (!reader_.complete())
      return give_up({Code::kUnavailable, url_.address.str() + " closed the connection within its answer"});
    complete();
  }
  return given;
}

Result<Response> Client::Talk::ask(const Request& request) {
  auto response = begin(request);
  if (!response) return response;
  const auto piece = std::make_unique<char[]>(kInputBytes);
  while (true) {
    const auto got = read({piece.get(), kInputBytes});
    if (!got) return give_up(got.error());
    if (*got == 0) return response;
    if (response->body.size() + *got > options_.body_limit)
      return give_up({Code::kTooLarge, fmt::format("the answer of {} is too large", url_.address.str())});
    response->body.append(piece.get(), *got);
  }
}

Client::Client(Url url, ClientOptions options)
    : talk_(std::make_unique<Talk>(std::move(url), std::move(options))) {}
Client::~Client() = default;
Result<Response> Client::ask(const Request& request) { return talk_->ask(request); }
Result<Response> Client::begin(const Request& request) {
  auto response = talk_->begin(request);
  talk_->expect_body();
  return response;
}
Result<size_t> Client::read(std::span<char> into) { return talk_->read(into); }
void Client::interrupt() { talk_->interrupt(); }

}  // namespace slipway::http
