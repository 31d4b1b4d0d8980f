"""What this Debian system knows of the files that go into the image: whose they are, in which version, under which licence."""
import dataclasses
import os
import pathlib
import re
import subprocess

# Debian's short names of licences, as SPDX writes them.
SPDX_NAMES = {
    "Apache-2.0": "Apache-2.0", "BSD-2-Clause": "BSD-2-Clause", "BSD-3-clause": "BSD-3-Clause", "BSD-3-Clause": "BSD-3-Clause",
    "CC0-1.0": "CC0-1.0", "Expat": "MIT", "GPL-2+": "GPL-2.0-or-later", "LGPL-2.1": "LGPL-2.1-only", "LGPL-2.1+": "LGPL-2.1-or-later",
    "MIT": "MIT", "MPL-2.0": "MPL-2.0",
}
# Sources whose copyright file is prose.
PROSE = [(r"glibc", "LGPL-2.1-or-later"), (r"gcc-\d+", "GPL-3.0-or-later WITH GCC-exception-3.1")]


@dataclasses.dataclass(frozen=True)
class Package:
    name: str
    version: str
    source: str
    supplier: str
    copyright: str  # the text of its copyright file

    @property
    def licence(self):
        """As SPDX writes it; empty where that cannot be said, and then the copyright file itself stands in the SBOM."""
        main = re.search(r"^Files:\s*\*\s*\n(?:.+\n)*?License:[ \t]*(.+)$", self.copyright, re.M)
        if main:
            return SPDX_NAMES.get(main[1].strip(), "")
        return next((licence for name, licence in PROSE if re.fullmatch(name, self.source)), "")

    @property
    def purl(self):
        return f"pkg:deb/debian/{self.name.replace('+', '%2B')}@{self.version.replace('+', '%2B').replace(':', '%3A')}?arch=amd64"


def run(*command):
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}  # LD_LIBRARY_PATH would change what ldd finds
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise SystemExit(f"image: {' '.join(map(str, command))} failed: {done.stderr.strip()}")
    return done.stdout


def package(name):
    """A package that is installed."""
    shown = run("dpkg-query", "-W", "-f", "${Package}\t${Version}\t${source:Package}\t${Maintainer}\n", name).splitlines()[0]
    text = pathlib.Path(f"/usr/share/doc/{name.split(':')[0]}/copyright").read_text()
    return Package(*shown.split("\t"), text)


def owner(path):
    """The name of the package that installed the file. A file of /lib may be registered under /usr/lib, or the other way round."""
    plain = str(path).removeprefix("/usr")
    for name in (plain, "/usr" + plain):
        done = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.split(": ")[0].split(",")[0]
    raise SystemExit(f"image: {path} belongs to no Debian package, so the SBOM could not say what it is. Next step: use Debian's own library instead of it.")


def libraries(programs):
    """The shared libraries that the programs and libraries named need, all the way down. -> {path under which it is looked for: file}"""
    found = {}
    for program in programs:
        for line in run("ldd", program).splitlines():
            if "not found" in line:
                raise SystemExit(f"image: {program} needs a library that is missing:{line}. Next step: tools/setup build")
            match = re.match(r"\s*(?:(\S+) => )?(/\S+) \(", line)
            if match:
                found[match[2]] = pathlib.Path(match[2]).resolve()
    return found


def files_of(name):
    return [pathlib.Path(line) for line in run("dpkg-query", "-L", name).splitlines()]
