"""Every reason that the code knows has its row in docs/api.md, with a cause and a next step; and no row is of another one."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).parents[2]
ROW = re.compile(r"^\| `(\w+)` \| (.*) \| (.*) \| (.*) \|$", re.M)


def reasons_in_code():
    source = (ROOT / "src/values/domain/condition.cc").read_text()
    return re.findall(r'\{Reason::\w+, "(\w+)"\}', source)


def rows_in_document():
    """-> {reason: [where, cause, next step]}"""
    section = (ROOT / "docs/api.md").read_text().partition("\n## Conditions and reasons\n")[2].partition("\n## ")[0]
    return {name: [cell.strip() for cell in cells] for name, *cells in ROW.findall(section)}


class Reasons(unittest.TestCase):
    def test_the_code_lists_all_of_its_reasons_by_name(self):
        header = (ROOT / "src/values/domain/condition.h").read_text()
        members = re.findall(r"^  k(\w+),", re.search(r"enum class Reason .*?\{(.*?)\};", header, re.S)[1], re.M)
        self.assertNotEqual(members, [])
        self.assertEqual(sorted(reasons_in_code()), sorted(members))

    def test_each_reason_has_a_row_and_each_row_a_reason(self):
        self.assertEqual(sorted(rows_in_document()), sorted(reasons_in_code()))

    def test_each_row_says_where_why_and_what_to_do(self):
        for name, cells in rows_in_document().items():
            for cell in cells:
                self.assertNotEqual(cell, "", name)


if __name__ == "__main__":
    unittest.main()
