"""layers.py SRC LAYERS: holds the house to its ladder.

Every #include must be in its room's DEPS (CMakeLists.txt, slipway_room), and every DEPS in the rule of the room's floor
(layers.txt). Tests and testing/ folders may include TEST_DEPS as well. `internal/` is closed to other rooms, testing/ to
everything but tests. Every room has a README.md of at most 15 lines. Prints each finding and their number.
"""
import pathlib
import re
import sys

README_LINES = 15
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


class Layers:
    """layers.txt: what a floor may include, the order of rooms inside a floor, and each adapter's port."""

    def __init__(self, text):
        self.rules, self.order, self.ports = {}, {}, {}
        for line in text.splitlines():
            line = line.split("#")[0].strip()
            if not line:
                continue
            head, colon, tail = line.partition(":")
            kind, _, name = head.strip().rpartition(" ")
            table = {"": self.rules, "order": self.order, "port": self.ports}.get(kind)
            if not colon or table is None:
                raise SystemExit(f"layers.txt: cannot read the line '{line}'")
            table[name] = tail.split()

    def allows(self, room, target):
        return any(self._word_allows(word, room, target) for word in self.rules.get(room.floor, []))

    def _word_allows(self, word, room, target):
        if word == "above":
            order = self.order.get(room.floor, [])
            return (room.floor == target.floor and room.name in order and target.name in order
                    and order.index(target.name) < order.index(room.name))
        if word == "own-port":
            return target.floor == "ports" and target.name in self.ports.get(room.name, [])
        return word in ("*", target.floor, str(target))


class Room:
    """src/<floor>/<name>: its files and what its CMakeLists.txt says it includes."""

    def __init__(self, folder):
        self.folder, self.floor, self.name = folder, folder.parent.name, folder.name
        text = re.sub(r"#.*", "", (folder / "CMakeLists.txt").read_text())
        call = re.search(r"slipway_room\(([^)]*)\)", text)
        self.declared = call.group(1).split()[0] if call else None
        self.deps = self._list(call, "DEPS") | {"base"}
        self.test_deps = {word.removesuffix("_testing") for word in self._list(call, "TEST_DEPS")}

    @staticmethod
    def _list(call, keyword):
        found, words = set(), call.group(1).split()[1:] if call else []
        current = None
        for word in words:
            if re.fullmatch(r"[A-Z_]+", word):
                current = word
            elif current == keyword:
                found.add(word)
        return found

    def __str__(self):
        return f"{self.floor}/{self.name}"

    def sources(self):
        return sorted(path for path in self.folder.rglob("*") if path.suffix in (".h", ".cc", ".inc"))


def is_test(path):
    return path.stem.endswith("_test") or "testing" in path.parts


def check_include(room, path, included, target, layers):
    """What is wrong with one include of another room's file, or nothing."""
    anything = "*" in layers.rules.get(room.floor, [])
    may = room.deps | (room.test_deps if is_test(path) else set())
    if not anything and target.name not in may:
        return f'includes "{included}": {target.name} is not in the DEPS of {room}/CMakeLists.txt'
    inside = included.split("/")[2:-1]
    if "internal" in inside:
        return f'includes "{included}": internal/ is closed to other rooms'
    if "testing" in inside and not is_test(path):
        return f'includes "{included}": testing/ is for tests'
    return None


def check_file(room, path, rooms, layers, src):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        included = match.group(1)
        target = rooms.get("/".join(included.split("/")[:2]))
        wrong = None
        if target is None or not (src / included).is_file():
            wrong = f'includes "{included}": no such file; an include names floor/room/file'
        elif target is not room:
            wrong = check_include(room, path, included, target, layers)
        if wrong:
            yield f"{path}:{number}: {wrong}"


def check_room(room, rooms, layers):
    names = {other.name: other for other in rooms.values()}
    lists = room.folder / "CMakeLists.txt"
    if room.floor not in layers.rules:
        yield f"{lists}: layers.txt has no rule for the floor {room.floor}"
    if room.declared not in (None, room.name):
        yield f"{lists}: the folder is {room.name}, but slipway_room says {room.declared}"
    if room.floor in layers.order and room.name not in layers.order[room.floor]:
        yield f"{lists}: {room.name} has no place in layers.txt's order of {room.floor}"
    for dep in sorted(room.deps - {room.name}):
        if dep not in names:
            yield f"{lists}: DEPS names {dep}, and there is no such room"
        elif room.name != "base" and not layers.allows(room, names[dep]):
            yield f"{lists}: DEPS names {dep}: layers.txt does not let {room} include {names[dep]}"
    readme = room.folder / "README.md"
    if not readme.is_file():
        yield f"{readme}: missing; say what comes in, what goes out, what the room must not know"
    elif (lines := len(readme.read_text().splitlines())) > README_LINES:
        yield f"{readme}: {lines} lines, and a room's README has at most {README_LINES}"


def check(src, layers_file):
    layers = Layers(layers_file.read_text())
    folders = sorted(path.parent for path in src.glob("*/*/CMakeLists.txt"))
    rooms = {str(room): room for room in map(Room, folders)}
    for room in rooms.values():
        yield from check_room(room, rooms, layers)
        for path in room.sources():
            yield from check_file(room, path, rooms, layers, src)


def main(arguments):
    if len(arguments) != 2:
        raise SystemExit("usage: layers.py SRC LAYERS")
    findings = list(check(*map(pathlib.Path, arguments)))
    for finding in findings:
        print(finding)
    print(f"layers: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
