// What the registry does for each path. handle() is called on an exchange's loop; whatever waits for the
// disk, or for a lock that is held over the disk, runs on the executor.
#pragma once

#include <atomic>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "services/registry/registry.h"
#include "system/runtime/mutex.h"

namespace slipway::registry {

class Registry::Handlers {
 public:
  Handlers(RegistryOptions options, oci::Layout& layout, runtime::Executor& executor)
      : options_(options), layout_(layout), executor_(executor) {}

  void handle(http::Exchange& exchange, const Asked& asked);

 private:
  // A body that goes into an upload.
  // Given back before the answer goes out: who has it may send the next piece at once.
  class Turn {
   public:
    Turn(Handlers& handlers, std::string id) : handlers_(handlers), id_(std::move(id)) {}
    ~Turn() { give_back(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    void give_back();

   private:
    Handlers& handlers_;
    const std::string id_;
    std::atomic<bool> held_{true};
  };
  struct Taking {
    std::string repository, id;
    uint64_t offset = 0;
    std::optional<uint64_t> end;   // where the upload must end afterwards, as the sender says
    std::optional<Digest> digest;  // it is the last one, and the whole is this
    std::shared_ptr<Turn> turn;    // while it is held, nobody else's body goes into the upload
    std::shared_ptr<void> owner;   // of an upload whose id nobody is told: it goes when this does
  };

  // Runs where the disk may be waited for; 503 when too much waits for it already.
  void later(http::Exchange& exchange, std::function<void(http::Exchange&)> work);
  // Back on the thread that may read the body.
  static void on_loop(http::Exchange& exchange, std::function<void(http::Exchange&)> work);

  void blob(http::Exchange& exchange, const Asked& asked);
  void head_blob(http::Exchange& exchange, const Digest& digest);
  void get_blob(http::Exchange& exchange, const Digest& digest);

  void begin(http::Exchange& exchange, const Asked& asked);
  void upload(http::Exchange& exchange, const Asked& asked);
  void take_chunk(http::Exchange& exchange, const Asked& asked, uint64_t size);
  void take_body(http::Exchange& exchange, Taking taking);
  // Nothing while somebody else's body goes into the upload.
  std::shared_ptr<Turn> take_turn(const std::string& id);
  void took_body(http::Exchange& exchange, const Taking& taking, const Result<uint64_t>& size);

  void manifest(http::Exchange& exchange, const Asked& asked);
  void get_manifest(http::Exchange& exchange, const Asked& asked, const oci::Reference& reference);
  void put_manifest(http::Exchange& exchange, const Asked& asked, const oci::Reference& reference);
  void tags(http::Exchange& exchange, const Asked& asked);
  void referrers(http::Exchange& exchange, const Asked& asked);

  const RegistryOptions options_;
  oci::Layout& layout_;
  runtime::Executor& executor_;
  runtime::Mutex mutex_;
  std::set<std::string> taking_ SLIPWAY_GUARDED_BY(mutex_);  // uploads into which a body goes
};

}  // namespace slipway::registry
