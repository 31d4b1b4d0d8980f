#include "adapters/local/internal/changes.h"

namespace slipway::local {
namespace {

using store::Object;
using store::ObjectPtr;

Status check_seen(const Write& write, const ObjectPtr& current) {
  const auto& [uid, version] = write.seen;
  if (!uid.empty() && uid != current->meta.uid)
    return fail(Code::kConflict,
                "{}: the uid in the precondition ({}) is not the object's ({}); it was deleted and made anew",
                write.object.key.str(), uid, current->meta.uid);
  if (version != 0 && version != current->meta.resource_version)
    return fail(Code::kConflict, "{}: changed since version {}; read it again and repeat the change",
                write.object.key.str(), version);
  return ok();
}

ObjectPtr created(const Write& write, const Birth& birth) {
  Object object = write.object;
  object.meta.uid = birth.uid;
  object.meta.created = birth.created;
  object.meta.generation = 1;
  object.status.clear();
  return std::make_shared<const Object>(std::move(object));
}

ObjectPtr updated(const Write& write, const Object& current) {
  Object object = write.object;
  object.status = current.status;
  object.meta.uid = current.meta.uid;
  object.meta.created = current.meta.created;
  object.meta.generate_name = current.meta.generate_name;
  object.meta.resource_version = current.meta.resource_version;
  object.meta.generation = current.meta.generation + (object.content == current.content ? 0 : 1);
  return object == current ? nullptr : std::make_shared<const Object>(std::move(object));
}

ObjectPtr with_status(const Write& write, const Object& current) {
  if (write.object.status == current.status) return nullptr;
  Object object = current;
  object.status = write.object.status;
  return std::make_shared<const Object>(std::move(object));
}

}  // namespace

std::string_view name(Write::Verb verb) {
  switch (verb) {
    case Write::Verb::kCreate:
      return "create";
    case Write::Verb::kUpdate:
      return "update";
    case Write::Verb::kUpdateStatus:
      return "update-status";
    case Write::Verb::kRemove:
      return "delete";
  }
  return "";
}

Result<ObjectPtr> decide(const Write& write, const ObjectPtr& current, const Birth& birth) {
  if (write.verb == Write::Verb::kCreate) {
    if (current) return fail(Code::kConflict, "{} already exists", write.object.key.str());
    return created(write, birth);
  }
  if (!current) return fail(Code::kNotFound, "{} not found", write.object.key.str());
  if (Status seen = check_seen(write, current); !seen) return fail(seen.error());
  switch (write.verb) {
    case Write::Verb::kUpdate:
      return updated(write, *current);
    case Write::Verb::kUpdateStatus:
      return with_status(write, *current);
    default:
      return current;
  }
}

}  // namespace slipway::local
