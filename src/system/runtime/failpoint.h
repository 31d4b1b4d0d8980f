// Places where a test may end the process, as a crash would: FAILPOINT("store.commit"). With
// SLIPWAY_FAILPOINT= NAME[:HIT] in the environment the process kills itself at that place, at its first or
// given hit. Compiled out of releases.
#pragma once

namespace slipway::runtime {

void pass_failpoint(const char* name);

}  // namespace slipway::runtime

#ifdef SLIPWAY_FAILPOINTS
#define FAILPOINT(name) ::slipway::runtime::pass_failpoint(name)
#else
#define FAILPOINT(name) static_cast<void>(0)
#endif
