// Between the port's words and the API's. Pure.
#pragma once

#include <string>
#include <string_view>

#include "ports/store/store.h"
#include "system/kube/api_error.h"
#include "system/kube/client.h"

namespace slipway::remote {

kube::Resource resource_of(store::Kind kind);
// Which objects of the kind are ours at all; empty: all of them.
std::string selector_of(store::Kind kind);
kube::ObjectRef ref_of(const store::ObjectKey& key);

// kInvalid when it is not what an API server sends.
Result<store::ObjectPtr> to_object(store::Kind kind, std::string_view json);
Result<uint64_t> to_version(std::string_view text);

// With the port's codes: what is too old is kNotFound there.
Error to_error(const kube::ApiError& error);
// The version that was asked for has not happened yet.
bool is_too_new(const kube::ApiError& error);
// What is sent: without what the server gives, at the version that was seen.
std::string body_of(store::Object object, const store::Precondition& seen);
// Fits into what a field manager may be: printable, at most 128 characters.
std::string manager_of(const store::Cause& cause);

}  // namespace slipway::remote
