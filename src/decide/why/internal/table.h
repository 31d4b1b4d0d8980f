// What `why` knows of each reason: how near the root it stands, what it means for the deployment, and its
// words.
#pragma once

#include <string>

#include "decide/why/why.h"

namespace slipway::why {

// Fault: it does not pass by itself. Hold: it waits for somebody. Step: it is on its way. Fine: as it is
// wanted. News: it happened, and says nothing of how things are.
enum class Weight : uint8_t { kFault, kHold, kStep, kFine, kNews };

// Texts are formats over the members of Words: "{model} has no version {version}".
struct Row {
  Reason reason;
  Weight weight;
  const char* finding;
  const char* next;
  const char* hint;
};

const Row& row_of(Reason reason);
// Lower: nearer to the root. The place in the table.
size_t rank_of(Reason reason);

struct Words {
  std::string name, model;
  int64_t version = 0;   // that is wanted
  std::string subject;   // "version 3 of credit (credit-3-8f2a1c40)", or the deployment
  std::string revision;  // its name alone; empty where none is meant
  std::string logs;      // whose log has the last words: the deployment, or a replica that has gone
  std::string says;      // what was seen, one line
  std::string serving;   // the revision that serves, or "nothing"
  std::string on_failure;
  int fewer = 0;            // replicas
  std::string way_back;     // "; …", when something serves
  std::string more_memory;  // what to ask for instead
};
std::string fill(const char* format, const Words& words);

}  // namespace slipway::why
