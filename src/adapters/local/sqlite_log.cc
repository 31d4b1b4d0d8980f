// The durable log. The file is ours alone: exclusive locking, one connection, WAL with a full sync at every
// commit. A stranger's or damaged file is refused before anything of it is believed.
#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "adapters/local/internal/log.h"
#include "adapters/local/internal/sqlite.h"
#include "system/runtime/failpoint.h"

namespace slipway::local {
namespace {

constexpr int64_t kApplicationId = 0x534C5057;  // "SLPW"
constexpr int64_t kVersion = 1;
constexpr int64_t kAuditRows = 1'000'000;  // older ones are dropped

constexpr const char* kTables =
    "CREATE TABLE objects(kind TEXT NOT NULL, space TEXT NOT NULL, name TEXT NOT NULL, meta TEXT NOT NULL,"
    " content TEXT NOT NULL, status TEXT NOT NULL, PRIMARY KEY(kind, space, name)) WITHOUT ROWID;"
    "CREATE TABLE audit(version INTEGER PRIMARY KEY, time TEXT NOT NULL, actor TEXT NOT NULL, verb TEXT NOT "
    "NULL,"
    " kind TEXT NOT NULL, space TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL, reason TEXT NOT NULL,"
    " request TEXT NOT NULL);"
    "CREATE TABLE counter(one INTEGER PRIMARY KEY CHECK(one = 1), high_water INTEGER NOT NULL);"
    "INSERT INTO counter VALUES(1, 0);";

// What the file must hold, by SQLite's own account of it; anything more was put there by somebody else.
constexpr std::array<std::string_view, 3> kTableNames{"audit", "counter", "objects"};

Error damaged(const std::string& path, std::string what) {
  std::replace(what.begin(), what.end(), '\n', ' ');  // SQLite tells it in several lines
  return {
      Code::kInvalid,
      fmt::format(
          "{} is damaged ({}); restore a copy of it, or move it away and start anew: pushed model files are "
          "not in it and stay",
          path, what)};
}

// What is answered as it stands must be what it seems: a row that somebody else wrote could break every list.
bool is_object(std::string_view text) {
  const auto document = json::parse_document(text);
  return document && document->is_object();
}

int64_t pragma(sqlite3* connection, const char* text) {
  Query query(connection, text);
  return query.valid() && query.step() == SQLITE_ROW ? query.number(0) : -1;
}

class SqliteLog final : public Log {
 public:
  SqliteLog(std::string path, std::string file_layer)
      : path_(std::move(path)), file_layer_(std::move(file_layer)) {}

  Status open() {
    sqlite3* connection = nullptr;
    const int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    const int opened = sqlite3_open_v2(path_.c_str(), &connection, flags,
                                       file_layer_.empty() ? nullptr : file_layer_.c_str());
    connection_.reset(connection);
    if (opened != SQLITE_OK) return fail(Code::kUnavailable, "{}: {}", path_, sqlite3_errstr(opened));
    distrust();
    if (Status checked = claim(); !checked) return checked;
    if (Status taken = take(); !taken) return taken;
    return prepare();
  }

  Result<Contents> load() override;
  Status append(const std::vector<Entry>& entries, uint64_t high_water) override;

 private:
  // Against files made by a stranger: no schema of theirs is run.
  void distrust() {
    sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
    sqlite3_limit(connection_.get(), SQLITE_LIMIT_LENGTH, 16 << 20);
    execute(connection_.get(), "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY");
  }

  // Nothing is written before the file is known to be ours, or empty.
  Status claim() {
    execute(connection_.get(), "PRAGMA locking_mode=EXCLUSIVE");
    Query tables(connection_.get(), "SELECT count(*) FROM sqlite_master");
    if (!tables.valid() || tables.step() != SQLITE_ROW) return refused(sqlite3_errcode(connection_.get()));
    empty_ = tables.number(0) == 0;
    const int64_t id = pragma(connection_.get(), "PRAGMA application_id");
    const int64_t version = pragma(connection_.get(), "PRAGMA user_version");
    if (id != kApplicationId && !(empty_ && id == 0))
      return fail(Code::kUnsupported, "{} is a database of another program; use another --data folder",
                  path_);
    if (version > kVersion)
      return fail(Code::kUnsupported,
                  "{} was written by a newer Slipway (format {}, this one knows {}); upgrade this one", path_,
                  version, kVersion);
    return ok();
  }

  Status take() {
    const char* sql = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; BEGIN EXCLUSIVE; COMMIT";
    if (const int taken = execute(connection_.get(), sql); taken != SQLITE_OK) return refused(taken);
    if (empty_) return create();
    Query check(connection_.get(), "PRAGMA quick_check(1)");
    if (!check.valid() || check.step() != SQLITE_ROW || check.text(0) != "ok")
      return fail(damaged(path_, check.valid() ? check.text(0) : sqlite3_errmsg(connection_.get())));
    return check_tables();
  }

  Status refused(int code) {
    if (code == SQLITE_BUSY)
      return fail(Code::kConflict,
                  "{} is in use by another process; stop that one first, or use another --data folder",
                  path_);
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) return fail(damaged(path_, sqlite3_errstr(code)));
    if (code == SQLITE_FULL)
      return fail(Code::kExhausted, "{}: the disk is full; make room and start again", path_);
    return fail(Code::kUnavailable, "{}: {}", path_, sqlite3_errmsg(connection_.get()));
  }

  Status check_tables() {
    Query names(connection_.get(),
                "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_autoindex%' ORDER BY name");
    size_t i = 0;
    for (; names.valid() && names.step() == SQLITE_ROW; ++i)
      if (i >= kTableNames.size() || names.text(0) != kTableNames[i] ||
          std::string_view(kTables).find(names.text(1) + ";") == std::string_view::npos)
        return fail(damaged(path_, "it holds what is not ours: " + names.text(0)));
    return i == kTableNames.size() ? ok() : Status(fail(damaged(path_, "a table is missing")));
  }

  Status create() {
    const std::string sql =
        fmt::format("BEGIN EXCLUSIVE; PRAGMA application_id={}; PRAGMA user_version={}; {} COMMIT",
                    kApplicationId, kVersion, kTables);
    if (execute(connection_.get(), sql.c_str()) == SQLITE_OK) return ok();
    return fail(Code::kUnavailable, "{}: {}", path_, sqlite3_errmsg(connection_.get()));
  }

  Status prepare() {
    put_ = Query(connection_.get(), "INSERT OR REPLACE INTO objects VALUES(?,?,?,?,?,?)");
    drop_ = Query(connection_.get(), "DELETE FROM objects WHERE kind=? AND space=? AND name=?");
    audit_ = Query(connection_.get(), "INSERT INTO audit VALUES(?,?,?,?,?,?,?,?,?,?)");
    trim_ = Query(connection_.get(), "DELETE FROM audit WHERE version <= ?");
    count_ = Query(connection_.get(), "UPDATE counter SET high_water=?");
    if (put_.valid() && drop_.valid() && audit_.valid() && trim_.valid() && count_.valid()) return ok();
    return fail(damaged(path_, sqlite3_errmsg(connection_.get())));
  }

  int write(const Entry& entry);
  int write_all(const std::vector<Entry>& entries, uint64_t high_water);

  std::string path_, file_layer_;
  Connection connection_;
  bool empty_ = false;
  Query put_, drop_, audit_, trim_, count_;
};

Result<Log::Contents> SqliteLog::load() {
  Contents out;
  Query rows(connection_.get(), "SELECT kind, space, name, meta, content, status FROM objects");
  int step = rows.step();
  for (; step == SQLITE_ROW; step = rows.step()) {
    domain::Object object{.key = {domain::Kind::kModelVersion, rows.text(1), rows.text(2)},
                          .content = rows.text(4),
                          .status = rows.text(5)};
    const auto kind = std::find_if(domain::kinds().begin(), domain::kinds().end(),
                                   [&](const auto& each) { return each.name == rows.text(0); });
    const auto meta = json::parse_document(rows.text(3));
    auto parsed = meta ? domain::parse_meta(*meta) : Result<domain::ObjectMeta>(fail(meta.error()));
    const bool fine = is_object(object.content) && (object.status.empty() || is_object(object.status));
    if (kind == domain::kinds().end() || !parsed || !fine)
      return fail(damaged(path_, "a row of objects: " + rows.text(2)));
    object.key.kind = kind->kind;
    object.meta = std::move(*parsed);
    out.objects.push_back(std::make_shared<const domain::Object>(std::move(object)));
  }
  if (step != SQLITE_DONE) return fail(damaged(path_, sqlite3_errmsg(connection_.get())));
  const int64_t high = pragma(connection_.get(), "SELECT high_water FROM counter");
  if (high < 0) return fail(damaged(path_, "no counter"));
  out.high_water = static_cast<uint64_t>(high);
  return out;
}

int SqliteLog::write(const Entry& entry) {
  const domain::ObjectKey& key = entry.object->key;
  const std::string_view kind = domain::info(key.kind).name;
  if (entry.removed) {
    if (const int done = drop_.bind(1, kind).bind(2, key.space).bind(3, key.name).run(); done != SQLITE_DONE)
      return done;
  } else {
    std::string meta;
    domain::append_meta_json(*entry.object, meta);
    put_.bind(1, kind)
        .bind(2, key.space)
        .bind(3, key.name)
        .bind(4, meta)
        .bind(5, entry.object->content)
        .bind(6, entry.object->status);
    if (const int done = put_.run(); done != SQLITE_DONE) return done;
  }
  const AuditRow& row = entry.audit;
  audit_.bind(1, static_cast<int64_t>(row.resource_version))
      .bind(2, row.time)
      .bind(3, row.actor)
      .bind(4, row.verb)
      .bind(5, kind);
  return audit_.bind(6, key.space)
      .bind(7, key.name)
      .bind(8, entry.object->meta.uid)
      .bind(9, row.reason)
      .bind(10, row.request_id)
      .run();
}

int SqliteLog::write_all(const std::vector<Entry>& entries, uint64_t high_water) {
  if (const int begun = execute(connection_.get(), "BEGIN IMMEDIATE"); begun != SQLITE_OK) return begun;
  for (const Entry& entry : entries)
    if (const int done = write(entry); done != SQLITE_DONE) return done;
  if (const int done = count_.bind(1, static_cast<int64_t>(high_water)).run(); done != SQLITE_DONE)
    return done;
  if (const int done = trim_.bind(1, static_cast<int64_t>(high_water) - kAuditRows).run();
      done != SQLITE_DONE)
    return done;
  FAILPOINT("store.before_commit");
  const int done = execute(connection_.get(), "COMMIT");
  FAILPOINT("store.after_commit");
  return done;
}

Status SqliteLog::append(const std::vector<Entry>& entries, uint64_t high_water) {
  const int done = write_all(entries, high_water);
  if (done == SQLITE_OK) return ok();
  const std::string text = sqlite3_errmsg(connection_.get());
  const bool rolled_back =
      sqlite3_get_autocommit(connection_.get()) != 0 || execute(connection_.get(), "ROLLBACK") == SQLITE_OK;
  if ((done & 0xFF) == SQLITE_FULL && rolled_back)
    return fail(Code::kExhausted, "the disk that holds {} is full; make room and try again", path_);
  return fail(Code::kUnavailable, "{}: {}; nothing more is written until the program is started again", path_,
              text);
}

}  // namespace

Result<std::unique_ptr<Log>> open_sqlite_log(const std::string& path, const std::string& file_layer) {
  auto log = std::make_unique<SqliteLog>(path, file_layer);
  if (Status opened = log->open(); !opened) return fail(opened.error());
  return std::unique_ptr<Log>(std::move(log));
}

Result<std::vector<AuditRow>> read_audit(const std::string& path, size_t limit) {
  sqlite3* connection = nullptr;
  const int opened =
      sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
  const Connection owner(connection);
  if (opened != SQLITE_OK) return fail(Code::kNotFound, "{}: {}", path, sqlite3_errstr(opened));
  Query rows(connection,
             "SELECT version, time, actor, verb, kind, space, name, reason, request FROM audit ORDER BY "
             "version DESC LIMIT ?");
  if (!rows.valid()) return fail(Code::kUnavailable, "{}: {}", path, sqlite3_errmsg(connection));
  rows.bind(1, static_cast<int64_t>(limit));
  std::vector<AuditRow> out;
  while (rows.step() == SQLITE_ROW) {
    AuditRow row{.resource_version = static_cast<uint64_t>(rows.number(0)),
                 .time = rows.text(1),
                 .actor = rows.text(2),
                 .verb = rows.text(3),
                 .reason = rows.text(7),
                 .request_id = rows.text(8)};
    for (const domain::KindInfo& kind : domain::kinds())
      if (kind.name == rows.text(4)) row.key = {kind.kind, rows.text(5), rows.text(6)};
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace slipway::local
