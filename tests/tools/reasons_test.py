"""A reason is known in the same words everywhere: enum, names, what `why` knows of it, its page in docs/reasons/ and the index."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).parents[2]
PAGES = ROOT / "docs/reasons"
SECTIONS = ["Where it stands", "Why", "What Slipway does", "What to do", "How it looks"]
ROW = re.compile(r"^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \| (.+) \|$", re.M)


def reasons_in_code():
    source = (ROOT / "src/values/domain/condition.cc").read_text()
    return re.findall(r'\{Reason::\w+, "(\w+)"\}', source)


def weights_in_why():
    """-> {reason: "fault"}: how `slipway why` ranks it"""
    source = (ROOT / "src/decide/why/internal/table.cc").read_text()
    return {name: weight.lower() for name, weight in re.findall(r"\{Reason::k(\w+),\s*Weight::k(\w+),", source)}


def pages():
    return {path.stem: path.read_text() for path in PAGES.glob("*.md") if path.name != "README.md"}


def sections_of(page):
    """-> {title: text}"""
    parts = re.split(r"^## (.+)$", page, flags=re.M)
    return dict(zip(parts[1::2], (text.strip() for text in parts[2::2])))


def index():
    """-> [(reason, page, weight, meaning)]"""
    return ROW.findall((PAGES / "README.md").read_text())


class Reasons(unittest.TestCase):
    def test_the_code_lists_all_of_its_reasons_by_name(self):
        header = (ROOT / "src/values/domain/condition.h").read_text()
        members = re.findall(r"^  k(\w+),", re.search(r"enum class Reason .*?\{(.*?)\};", header, re.S)[1], re.M)
        self.assertNotEqual(members, [])
        self.assertEqual(sorted(reasons_in_code()), sorted(members))

    def test_each_reason_has_a_page_and_each_page_a_reason(self):
        self.assertEqual(sorted(pages()), sorted(reasons_in_code()))

    def test_each_page_says_where_why_what_happens_and_what_to_do(self):
        for name, page in pages().items():
            with self.subTest(name):
                head = page.splitlines()
                self.assertEqual(head[0], f"# {name}")
                self.assertTrue(head[2].endswith("."), "the first line says what it means")
                sections = sections_of(page)
                self.assertEqual(list(sections), SECTIONS)
                self.assertEqual([title for title, text in sections.items() if not text], [])
                self.assertIn("```", sections["How it looks"])

    def test_the_index_names_each_once_in_the_order_of_the_code(self):
        self.assertEqual([name for name, *_ in index()], reasons_in_code())
        for name, page, _, _ in index():
            self.assertEqual(name, page)

    def test_the_index_says_of_each_what_why_makes_of_it(self):
        self.assertEqual({name: weight for name, _, weight, _ in index()}, weights_in_why())

    def test_the_index_and_the_page_mean_the_same(self):
        for name, _, _, meaning in index():
            self.assertEqual(pages()[name].splitlines()[2].rstrip("."), meaning)

    def test_pages_lead_to_pages_that_are_there(self):
        for name, page in pages().items():
            for target in re.findall(r"\]\(([\w./]+\.md)\)", page):
                self.assertTrue((PAGES / target).exists(), f"{name} leads to {target}")

    def test_the_documents_lead_to_the_index(self):
        self.assertIn("(reasons/README.md)", (ROOT / "docs/api.md").read_text())
        self.assertIn("(reasons/README.md)", (ROOT / "docs/README.md").read_text())


if __name__ == "__main__":
    unittest.main()
