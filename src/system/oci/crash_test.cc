// The power goes at any moment: what was acknowledged is there, and nothing is half done.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "system/oci/model_folder.h"
#include "system/oci/testing/layout_test.h"
#include "system/oci/testing/recorded_disk.h"

namespace slipway::oci {
namespace {

using Fate = RecordedDisk::Fate;
using TagKey = std::pair<std::string, std::string>;

const std::array<std::string, 2> kRepositories{"credit", "risk/fraud"};
const LayoutOptions kNoGrace{.grace = {}};

// What a store must hold.
struct Expected {
  std::map<TagKey, Digest> tags;
  std::set<std::pair<std::string, Digest>> manifests;
  std::map<Digest, std::string> blobs;  // acknowledged, and not let go since

  bool same_index(const Expected& other) const { return tags == other.tags && manifests == other.manifests; }
};

struct Step {
  size_t acknowledged_at;  // operations of the disk by then
  Expected expected;
};

std::string content_of(std::mt19937& random) {
  std::string out(random() % 300, '\0');
  for (char& c : out) c = static_cast<char>(random() % 256);
  return out;
}

// A day in a store's life, chosen by chance; every acknowledgement is a step.
class Life {
 public:
  Life(Layout& layout, const RecordedDisk& disk, unsigned seed)
      : layout_(layout), disk_(disk), random_(seed) {
    acknowledge();
  }

  void act() {
    switch (random_() % 10) {
      case 0:
        return remove();
      case 1:
        return collect();
      case 2:
        return leave_an_upload();
      default:
        return push();
    }
  }

  const std::vector<Step>& steps() const { return steps_; }
  const std::set<Digest>& manifests() const { return manifests_; }
  const std::vector<std::string>& uploads() const { return uploads_; }

 private:
  void acknowledge() { steps_.push_back({disk_.operations(), now_}); }
  const std::string& repository() { return kRepositories[random_() % 2]; }
  std::string tag() { return fmt::format("v{}", random_() % 4); }

  Digest upload(const std::string& content) {
    const std::string id = *layout_.begin_upload();
    for (size_t at = 0; at < content.size();) {
      const size_t bytes = std::min<size_t>(content.size() - at, 1 + random_() % 200);
      at = *layout_.append(id, at, content.substr(at, bytes));
    }
    const Digest digest = base::sha256(content);
    EXPECT_TRUE(layout_.finish_upload(id, digest));
    now_.blobs[digest] = content;
    acknowledge();
    return digest;
  }

  void push() {
    std::vector<ModelFile> files;
    for (size_t i = 0; i <= random_() % 2; ++i) {
      const std::string content = content_of(random_);
      files.push_back({.path = fmt::format("part/{}", i), .size = content.size(), .digest = upload(content)});
    }
    const ModelManifest made = make_model_manifest(files, "onnx");
    upload(made.config);
    const std::string& in = repository();
    const std::string as = tag();
    EXPECT_TRUE(layout_.put_manifest(in, *Reference::parse(as), made.manifest, ""));
    const Digest digest = base::sha256(made.manifest);
    manifests_.insert(digest);
    now_.blobs[digest] = made.manifest;
    now_.manifests.emplace(in, digest);
    now_.tags[{in, as}] = digest;
    acknowledge();
  }

  void remove() {
    const std::string& from = repository();
    const std::string name = tag();
    const auto known = now_.tags.find({from, name});
    if (known == now_.tags.end()) return;
    const Digest digest = known->second;
    if (random_() % 2 == 0) {
      EXPECT_TRUE(layout_.remove_manifest(from, *Reference::parse(name)));
      now_.tags.erase(known);
    } else {
      EXPECT_TRUE(layout_.remove_manifest(from, {.tag = "", .digest = digest}));
      now_.manifests.erase({from, digest});
      std::erase_if(now_.tags,
                    [&](const auto& each) { return each.first.first == from && each.second == digest; });
    }
    acknowledge();
  }

  // With no grace: everything goes that no tag needs.
  void collect() {
    std::set<Digest> tagged;
    for (const auto& [key, digest] : now_.tags) tagged.insert(digest);
    ASSERT_TRUE(layout_.collect({}));
    std::erase_if(now_.manifests, [&](const auto& each) { return !tagged.contains(each.second); });
    std::erase_if(now_.blobs, [&](const auto& each) { return !layout_.open_blob(each.first); });
    acknowledge();
  }

  void leave_an_upload() {
    uploads_.push_back(*layout_.begin_upload());
    EXPECT_TRUE(layout_.append(uploads_.back(), 0, content_of(random_)));
    if (random_() % 2 == 0) {
      EXPECT_TRUE(layout_.cancel_upload(uploads_.back()));
    }
  }

  Layout& layout_;
  const RecordedDisk& disk_;
  std::mt19937 random_;
  Expected now_;
  std::set<Digest> manifests_;
  std::vector<std::string> uploads_;
  std::vector<Step> steps_;
};

class OciCrash : public testing::LayoutTest {
 protected:
  Expected found_in(const Layout& layout, const Life& life) const {
    Expected out;
    for (const std::string& repository : kRepositories) {
      for (const std::string& tag : layout.tags(repository))
        out.tags[{repository, tag}] = layout.find_manifest(repository, *Reference::parse(tag))->digest;
      for (const Digest& digest : life.manifests())
        if (layout.find_manifest(repository, {.tag = "", .digest = digest}))
          out.manifests.emplace(repository, digest);
    }
    return out;
  }

  // Holds what was acknowledged last, or what was on its way; nothing of it is damaged.
  std::string fault_of(Layout& layout, const Life& life, size_t last) const {
    const std::vector<Step>& steps = life.steps();
    const Expected& old_one = steps[last].expected;
    const Expected& new_one = steps[std::min(last + 1, steps.size() - 1)].expected;
    const Expected found = found_in(layout, life);
    if (!found.same_index(old_one) && !found.same_index(new_one)) return "neither the old nor the new index";
    for (const auto& [digest, content] : old_one.blobs) {
      if (!new_one.blobs.contains(digest)) continue;
      const auto file = layout.open_blob(digest);
      if (!file || file->size != content.size()) return "an acknowledged blob is gone: " + digest.str();
    }
    const auto report = layout.verify(nullptr);
    if (!report) return report.error().message;
    for (const auto& entry : std::filesystem::directory_iterator(at("blobs/sha256")))
      if ((entry.status().permissions() & std::filesystem::perms::all) != std::filesystem::perms(0444))
        return "a blob can be written to";
    return report->faults.empty() ? "" : report->faults.front();
  }

  struct Crash {
    size_t acknowledged;  // steps
    RecordedDisk::State state;
    auto operator<=>(const Crash&) const = default;
  };

  // A few acts, and every different state that a crash between and in them may leave.
  std::pair<std::unique_ptr<Life>, std::set<Crash>> live(unsigned seed) {
    RecordedDisk::put({}, path());
    RecordedDisk disk(path());
    auto life = std::make_unique<Life>(open(kNoGrace), disk, seed);
    for (int i = 0; i < 5; ++i) life->act();
    layout_.reset();
    std::mt19937 random(seed);
    std::set<Crash> out;
    size_t step = 0;
    for (size_t at = 0; at <= disk.operations(); ++at) {
      while (step + 1 < life->steps().size() && life->steps()[step + 1].acknowledged_at <= at) ++step;
      out.insert({step, disk.after_crash(at, Fate::kNothing, random)});
      out.insert({step, disk.after_crash(at, Fate::kAll, random)});
      for (int i = 0; i < 4; ++i) out.insert({step, disk.after_crash(at, Fate::kPrefixes, random)});
      for (int i = 0; i < 4; ++i) out.insert({step, disk.after_crash(at, Fate::kTorn, random)});
    }
    return {std::move(life), std::move(out)};
  }

  enum class Then : uint8_t { kLook, kGoOn };
  std::string fault_after(const Crash& crash, const Life& life, Then then) {
    RecordedDisk::put(crash.state, path());
    const auto layout = Layout::open(path(), kNoGrace, clock_);
    if (!layout) return "does not open: " + layout.error().message;
    const std::string fault = fault_of(**layout, life, crash.acknowledged);
    return fault.empty() && then == Then::kGoOn ? fault_of_uploads(**layout, life) : fault;
  }

  // Uploads that were open go on, or are gone; what they end as is what they say.
  static std::string fault_of_uploads(Layout& layout, const Life& life) {
    for (const std::string& id : life.uploads()) {
      const auto size = layout.upload_size(id);
      if (!size) continue;
      if (!layout.append(id, *size, "and more")) return "an upload does not go on";
      if (layout.finish_upload(id, base::sha256("something else")))
        return "an upload ended as what it is not";
    }
    push(layout, "again", "latest", "after the crash");
    const auto collected = layout.collect({});
    if (!collected) return collected.error().message;
    const auto report = layout.verify(nullptr);
    return report && report->faults.empty() ? "" : "does not recover";
  }
};

TEST_F(OciCrash, LosesNothingThatWasAcknowledgedAndNothingIsHalfDone) {
  size_t states = 0;
  for (unsigned seed = 1; states < 5'000 && !HasFailure(); ++seed) {
    const auto [life, crashes] = live(seed);
    states += crashes.size();
    size_t i = 0;
    for (const Crash& crash : crashes) {
      if (HasFailure()) break;
      const Then then = ++i % 16 == 0 ? Then::kGoOn : Then::kLook;
      EXPECT_EQ(fault_after(crash, *life, then), "")
          << "of seed " << seed << " after step " << crash.acknowledged;
    }
  }
  std::printf("different crash states of the layout: %zu\n", states);
  EXPECT_GE(states, 5'000u);
}

}  // namespace
}  // namespace slipway::oci
