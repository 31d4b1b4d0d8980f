"""The ladder's own test: a small made-up house, broken one rule at a time."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools"))
import layers  # noqa: E402

LAYERS = """
# a comment
values:   above
system:   values/base above
ports:    values
adapters: values system own-port
apps:     *
order values: base tensor
order system: os http
port native: backend
"""

HOUSE = {
    "values/base/CMakeLists.txt": "slipway_room(base LIBS fmt::fmt)",
    "values/base/result.h": "#pragma once\n",
    "values/tensor/CMakeLists.txt": "slipway_room(tensor)",
    "values/tensor/tensor.h": '#include "values/base/result.h"\n',
    "system/os/CMakeLists.txt": "slipway_room(os)",
    "system/os/files.h": "#include <vector>\n",
    "system/http/CMakeLists.txt": "slipway_room(http DEPS os)",
    "system/http/server.h": '#include "system/http/internal/parser.h"\n',
    "system/http/internal/parser.h": '#include "system/os/files.h"\n',
    "system/http/testing/client.h": "",
    "ports/backend/CMakeLists.txt": "slipway_room(backend DEPS tensor)",
    "ports/backend/backend.h": '#include "values/tensor/tensor.h"\n',
    "ports/backend/testing/fake.h": "",
    "ports/store/CMakeLists.txt": "slipway_room(store)",
    "ports/store/store.h": "",
    "adapters/native/CMakeLists.txt": "slipway_room(native DEPS backend tensor os\n  TEST_DEPS backend_testing http)  # why",
    "adapters/native/native.cc": '#include "ports/backend/backend.h"\n',
    "adapters/native/native_test.cc": '#include "ports/backend/testing/fake.h"\n#include "system/http/server.h"\n',
    "apps/slipway/CMakeLists.txt": "add_executable(slipway main.cc)",
    "apps/slipway/main.cc": '#include "adapters/native/native.cc"\n#include "system/http/server.h"\n',
}


class Layers(unittest.TestCase):
    def findings(self, changes=None, rules=LAYERS):
        """What the script finds in the house with some files replaced; None takes a file away."""
        with tempfile.TemporaryDirectory() as folder:
            src = pathlib.Path(folder, "src")
            house = {f"{pathlib.PurePath(name).parent}/README.md": "A room.\n" for name in HOUSE if name.endswith(".txt")}
            for name, text in {**house, **HOUSE, **(changes or {})}.items():
                if text is None:
                    continue
                (src / name).parent.mkdir(parents=True, exist_ok=True)
                (src / name).write_text(text)
            table = pathlib.Path(folder, "layers.txt")
            table.write_text(rules)
            return [finding.replace(f"{src}/", "") for finding in layers.check(src, table)]

    def assert_finds(self, changes, *words):
        found = self.findings(changes)
        self.assertEqual(len(found), 1, found)
        for word in words:
            self.assertIn(word, found[0])

    def test_a_clean_house_has_no_findings(self):
        self.assertEqual(self.findings(), [])

    def test_an_include_must_be_in_the_rooms_deps(self):
        self.assert_finds({"system/http/server.h": '\n#include "values/tensor/tensor.h"\n'}, "system/http/server.h:2", "tensor is not in the DEPS")

    def test_deps_must_be_in_the_floors_rule(self):
        self.assert_finds({"ports/backend/CMakeLists.txt": "slipway_room(backend DEPS tensor os)"}, "does not let ports/backend include system/os")

    def test_a_room_may_not_include_one_that_stands_after_it(self):
        self.assert_finds({"system/os/CMakeLists.txt": "slipway_room(os DEPS http)"}, "does not let system/os include system/http")

    def test_the_leaf_stays_a_leaf(self):
        self.assert_finds({"values/base/result.h": '#include "values/tensor/tensor.h"\n'}, "tensor is not in the DEPS of values/base")

    def test_an_adapter_reaches_its_own_port_alone(self):
        self.assert_finds({"adapters/native/CMakeLists.txt": "slipway_room(native DEPS backend store TEST_DEPS http)"}, "ports/store")

    def test_internal_is_closed_to_other_rooms_even_to_apps(self):
        self.assert_finds({"apps/slipway/main.cc": '#include "system/http/internal/parser.h"\n'}, "internal/ is closed")

    def test_testing_is_for_tests(self):
        self.assert_finds({"adapters/native/native.cc": '#include "ports/backend/testing/fake.h"\n'}, "testing/ is for tests")

    def test_only_tests_may_use_test_deps(self):
        self.assert_finds({"adapters/native/native.cc": '#include "system/http/server.h"\n'}, "http is not in the DEPS")

    def test_an_include_names_floor_room_file(self):
        self.assert_finds({"system/http/server.h": '#include "internal/parser.h"\n'}, "no such file")

    def test_every_room_has_a_readme(self):
        self.assert_finds({"system/os/README.md": None}, "system/os/README.md: missing")

    def test_a_readme_has_at_most_fifteen_lines(self):
        self.assert_finds({"system/os/README.md": "line\n" * 16}, "16 lines")

    def test_a_room_has_one_name(self):
        self.assert_finds({"ports/store/CMakeLists.txt": "slipway_room(shop)"}, "slipway_room says shop")

    def test_a_dependency_must_exist(self):
        self.assert_finds({"ports/backend/CMakeLists.txt": "slipway_room(backend DEPS tensor tnesor)"}, "no such room")

    def test_a_room_of_an_ordered_floor_has_a_place(self):
        self.assert_finds({"system/kube/CMakeLists.txt": "slipway_room(kube)", "system/kube/README.md": "x\n"}, "no place in layers.txt's order")

    def test_an_unreadable_rule_is_refused(self):
        with self.assertRaises(SystemExit):
            self.findings(rules="values above\n")


if __name__ == "__main__":
    unittest.main()
