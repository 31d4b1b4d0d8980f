"""budgets.py [FILE…]: a file has at most 400 lines, a header 200 (function length and parameters are clang-tidy's).

Without files: everything of ours that git knows or would add. When one grows past its budget, look for the missing idea.
"""
import pathlib
import subprocess
import sys

FILE_LINES, HEADER_LINES = 400, 200
KINDS = {".h", ".cc", ".py", ".cmake", ".sh", ""}


def files():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z", "src", "tests", "tools", "examples", "cmake"],
                            check=True, capture_output=True, text=True).stdout.split("\0")
    return [name for name in listed if name and "/data/" not in name and "/corpus/" not in name]


def over(name):
    path = pathlib.Path(name)
    if path.suffix not in KINDS or not path.is_file():
        return None
    limit = HEADER_LINES if path.suffix == ".h" else FILE_LINES
    lines = path.read_bytes().count(b"\n")
    return f"{name}: {lines} lines, and it may have {limit}" if lines > limit else None


def main(arguments):
    findings = list(filter(None, map(over, arguments or files())))
    for finding in findings:
        print(finding)
    print(f"budgets: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
