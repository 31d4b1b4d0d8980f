#include "system/http/internal/tls_stream.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace slipway::http::internal {
namespace {

// Several records a system call: uploads of gigabytes come this way. Idle connections give it back.
constexpr size_t kReadAhead = 64 << 10;

int fd_of(BIO* bio) { return static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio))); }

bool try_again(ssize_t result) { return result < 0 && (errno == EAGAIN || errno == EINTR); }

int write_socket(BIO* bio, const char* bytes, size_t size, size_t* sent) {
  BIO_clear_retry_flags(bio);
  const ssize_t put = ::send(fd_of(bio), bytes, size, MSG_NOSIGNAL);
  if (try_again(put)) BIO_set_retry_write(bio);
  *sent = put > 0 ? static_cast<size_t>(put) : 0;
  return put > 0 ? 1 : 0;
}

int read_socket(BIO* bio, char* into, size_t size, size_t* got) {
  BIO_clear_retry_flags(bio);
  const ssize_t came = ::recv(fd_of(bio), into, size, 0);
  if (try_again(came)) BIO_set_retry_read(bio);
  if (came == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  *got = came > 0 ? static_cast<size_t>(came) : 0;
  return came > 0 ? 1 : 0;
}

long control_socket(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

// OpenSSL's own writes to sockets raise SIGPIPE when the peer has gone.
const BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "slipway socket");
    BIO_meth_set_write_ex(made, write_socket);
    BIO_meth_set_read_ex(made, read_socket);
    BIO_meth_set_ctrl(made, control_socket);
    return made;
  }();
  return method;
}

}  // namespace

SslContext new_context(Side side) {
  ERR_clear_error();
  SslContext context(SSL_CTX_new(side == Side::kServer ? TLS_server_method() : TLS_client_method()));
  if (!context) return context;
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), kReadAhead);
  // Of TLS 1.2 only what TLS 1.3 would have kept: ephemeral keys, authenticated encryption.
  if (SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) context.reset();
  return context;
}

std::unique_ptr<TlsStream> TlsStream::make(SSL_CTX& context, int fd, Side side) {
  ERR_clear_error();
  Ssl ssl(SSL_new(&context));
  BIO* bio = BIO_new(socket_method());
  if (!ssl || bio == nullptr) return BIO_free(bio), nullptr;
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(fd)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  if (side == Side::kServer)
    SSL_set_accept_state(ssl.get());
  else
    SSL_set_connect_state(ssl.get());
  return std::unique_ptr<TlsStream>(new TlsStream(std::move(ssl)));
}

Moved TlsStream::outcome(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE:
      return Moved::kSome;
    case SSL_ERROR_WANT_READ:
      return Moved::kWaitsForBytes;
    case SSL_ERROR_WANT_WRITE:
      return Moved::kWaitsForRoom;
    case SSL_ERROR_ZERO_RETURN:
      return Moved::kEnd;
    case SSL_ERROR_SYSCALL:
      reason_ = errno != 0 ? std::strerror(errno) : "the peer closed the connection";
      break;
    default:
      reason_ = openssl_reason();
  }
  broken_ = true;
  return Moved::kBroken;
}

Moved TlsStream::shake_hands() {
  ERR_clear_error();
  errno = 0;
  const Moved moved = outcome(SSL_do_handshake(ssl_.get()));
  holds_bytes_ = moved == Moved::kSome && SSL_has_pending(ssl_.get()) == 1;
  return moved;
}

Moved TlsStream::read(std::span<char> into, size_t& got) {
  got = 0;
  if (unreadable_) return Moved::kBroken;
  Moved moved = Moved::kSome;
  do {  // a call gives one record at most
    ERR_clear_error();
    errno = 0;
    size_t piece = 0;
    moved = outcome(SSL_read_ex(ssl_.get(), into.data() + got, into.size() - got, &piece));
    got += piece;
    // What is left of a record that is not complete yet counts as pending too: a failed read tells it apart.
    holds_bytes_ = moved == Moved::kSome && SSL_has_pending(ssl_.get()) == 1;
  } while (holds_bytes_ && got < into.size());
  unreadable_ = moved == Moved::kBroken;
  // An end or a fault behind these bytes is what the next read says.
  if (got == 0 || moved == Moved::kSome) return moved;
  holds_bytes_ = moved == Moved::kEnd || moved == Moved::kBroken;
  return Moved::kSome;
}

Moved TlsStream::write(std::string_view bytes, size_t& sent) {
  sent = 0;
  while (sent < bytes.size()) {  // a call takes one record at most
    ERR_clear_error();
    errno = 0;
    size_t piece = 0;
    const Moved moved = outcome(SSL_write_ex(ssl_.get(), bytes.data() + sent, bytes.size() - sent, &piece));
    sent += piece;
    if (moved != Moved::kSome) return sent > 0 && moved != Moved::kBroken ? Moved::kSome : moved;
  }
  return Moved::kSome;
}

Moved TlsStream::end_writing() {
  if (broken_ || ended_ || SSL_in_init(ssl_.get()) == 1) return Moved::kSome;
  ERR_clear_error();
  errno = 0;
  const int result = SSL_shutdown(ssl_.get());
  ended_ = result >= 0;  // another call would wait for the peer's word
  return ended_ ? Moved::kSome : outcome(result);
}

}  // namespace slipway::http::internal
