// What the environment was told of one revision, as it lies in `<data>/run/<revision>.json`, and the names of
// everything that a replica has there.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "values/domain/revision.h"

namespace slipway::processes {

struct Told {
  domain::RevisionSpec revision;
  int replicas = 0;
  // kRemoved: all shall stop, and be forgotten then.
  enum class Life : uint8_t { kWanted, kRemoved } life = Life::kWanted;

  bool operator==(const Told&) const = default;
};

inline constexpr int kMostReplicas = 10'000;  // of a revision

std::string to_text(const Told& told);
Result<Told> parse_told(std::string_view text);

// `<revision>-<ordinal>`, and back.
std::string replica_name(std::string_view revision, int ordinal);
struct ReplicaName {
  std::string revision;
  int ordinal = 0;
};
std::optional<ReplicaName> parse_replica_name(std::string_view name);

// The first 16 hex digits of a replica's name's digest: a socket's path is short.
std::string replica_id(std::string_view replica);
bool is_replica_id(std::string_view text);

// `<deployment>-<version>-<hash8>` taken apart, for a revision of which nothing else is known.
std::optional<domain::RevisionSpec> guess_revision(std::string_view name);

// The files of a data folder.
struct Files {
  std::string data;

  std::string run() const { return data + "/run"; }
  std::string told(std::string_view revision) const;
  std::string lock(std::string_view id) const;
  std::string log(std::string_view replica) const;
};

// Every readable `*.json` of the folder; those that cannot be read are left alone and logged.
Result<std::vector<Told>> read_all_told(const Files& files);

}  // namespace slipway::processes
