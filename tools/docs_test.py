"""docs_test.py [FILE…]: what the documents show is what happens.

Runs every ```console block of README.md, CONTRIBUTING.md, ARCHITECTURE.md, docs/ and the READMEs of examples/ from the
repository's root:
- a line that starts with "$ " is a command (further lines of it end with a backslash); the lines after it, up to the next
  command, are what it prints, standard error included;
- "…" stands for anything: within a line for some text, on a line of its own for some lines;
- a command without lines after it must only succeed; "$ command  # fails" must fail;
- <!-- docs-test: skip REASON --> before a block leaves it out, and the reason is shown;
- `slipway` is the release build, kubectl, helm and docker-registry those of .deps/; PORT is a free port of this run, and so is every 8080, 8081, 8090 and 8091
  that a block names; `slipway up` without addresses gets these four;
- the home folder is an empty one of this run, so that nothing of whoever runs it shows, and nothing is left behind;
- a document that needs a cluster (NEED_A_CLUSTER) is run by tests/kube, on the cluster that it has.
Blocks of one document run in one shell, so that a server started in one is there in the next. At its end, what still runs is stopped.
"""
import concurrent.futures
import contextlib
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[1]
UP = re.compile(r"\bslipway up\b(?!.*--listen)")
BLOCK = re.compile(r"(<!-- docs-test: skip ([^>]*?) -->\s*)?```console\n(.*?)```", re.S)
MARK = "==docs-test=="
PATIENCE = 240  # seconds, for one command
AT_ONCE = 4  # documents
REASONS_OF_A_CLUSTER = {ROOT / f"docs/reasons/{name}.md" for name in ("Unschedulable", "QuotaExceeded", "PodRefused", "NameTaken")}
NEED_A_CLUSTER = {ROOT / "docs/kubernetes.md"} | REASONS_OF_A_CLUSTER


def documents():
    roots = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md") if (ROOT / name).exists()]
    return roots + sorted(set((ROOT / "docs").rglob("*.md")) - NEED_A_CLUSTER) + sorted((ROOT / "examples").glob("*.md"))


def free_ports(count):
    """Below those that the system gives to connections, so that none takes one between now and its use."""
    found = set()
    while len(found) < count:
        with socket.socket() as probe, contextlib.suppress(OSError):
            port = str(random.randrange(10240, 32768))
            probe.bind(("127.0.0.1", int(port)))
            if "80" not in port:  # one number must not hold another that is replaced
                found.add(port)
    return sorted(found)


def steps(block):
    """-> [(command, expected lines)]"""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif found and not found[-1][1] and found[-1][0].endswith("\\"):
            found[-1][0] = found[-1][0][:-1] + line
        elif found:
            found[-1][1].append(line)
    return found


def matches(expected, shown):
    parts = []
    for line in expected:
        if line.strip() == "…":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(r".*?".join(re.escape(piece) for piece in line.rstrip().split("…")) + r"[ ]*\n")
    ended = shown if shown.endswith("\n") else shown + "\n"  # curl prints a body as it is
    return re.fullmatch("".join(parts) + r"\s*", ended) is not None


def environment_of(home, port):
    """What a person has at the first login, on a machine where everything of ours is found."""
    own = {"HOME": home, "PORT": port, "SLIPWAY_PORT": port, "NO_COLOR": "1", "REGISTRY_AUTH_FILE": f"{home}/registries.json",
           "PATH": f"{ROOT}/build/release:{ROOT}/.deps/kubectl/bin:{ROOT}/.deps/helm/bin:{ROOT}/.deps/docker-registry/bin:{os.environ['PATH']}"}
    foreign = ("DOCKER_CONFIG", "KUBECONFIG", "SLIPWAY_DATA", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
    return {**{name: value for name, value in os.environ.items() if name not in foreign}, **own}


class Shell:
    """One bash that runs a document's commands, each to its end, with `more` in its environment."""

    def __init__(self, **more):
        self.ports = dict(zip(("8080", "8081", "8090", "8091"), free_ports(4)))  # as the document writes them -> as they are
        self.folder = tempfile.TemporaryDirectory()
        self.environment = {**environment_of(self.folder.name, self.ports["8080"]), **more}
        self.bash = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=self.environment, start_new_session=True)

    def run(self, command):
        self.bash.stdin.write(f"{{ {self.real(command)}\n}} </dev/null; echo \"{MARK}$?\"\n")
        self.bash.stdin.flush()
        shown = ""
        late = threading.Timer(PATIENCE, os.killpg, (self.bash.pid, signal.SIGKILL))
        late.start()
        try:
            for line in self.bash.stdout:
                before, mark, code = line.partition(MARK)
                shown += before
                if mark:
                    return int(code), self.written(shown)
        finally:
            late.cancel()
        return 1, shown + f"(the shell ended, or did not come to an end within {PATIENCE} s)\n"

    def real(self, text):
        text = UP.sub("slipway up --listen 127.0.0.1:8080 --admin 127.0.0.1:8081 --api 127.0.0.1:8090 --api-admin 127.0.0.1:8091", text)
        for name, port in self.ports.items():
            text = text.replace(name, port)
        return text

    def written(self, text):
        for name, port in self.ports.items():
            text = text.replace(f":{port}", f":{name}")
        return text

    def close(self):
        if self.bash.poll() is None:
            self.bash.stdin.write("kill $(jobs -p) 2>/dev/null; wait\n")
            self.bash.stdin.close()
            self.bash.stdout.read()
        self.bash.wait()
        # Replicas outlive whoever started them.
        subprocess.run(["slipway", "down"], env=self.environment, cwd="/", capture_output=True)
        self.folder.cleanup()


def check(document, **more):
    """-> how many commands did what the document shows, and how many did not: those are printed"""
    name, failed, passed = document.relative_to(ROOT), 0, 0
    shell = Shell(**more)
    report = []
    for skipped, reason, block in BLOCK.findall(document.read_text()):
        if skipped:
            report.append(f"docs: {name}: a block is skipped: {reason}")
            continue
        for command, expected in steps(block):
            must_fail = command.endswith("# fails")
            code, shown = shell.run(command) if shell.bash.poll() is None else (1, "(not run: the shell has ended)\n")
            if (code != 0) == must_fail and (not expected or matches(expected, shown)):
                passed += 1
                continue
            failed += 1
            report.append(f"docs: {name}: $ {command}\n--- shown in the document\n" + "\n".join(expected) + f"\n--- what happened (exit {code})\n{shown}---")
    shell.close()
    if report:
        print("\n".join(report))
    return passed, failed


def main(arguments):
    # Most of a document's time is waiting for what it shows.
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(check, [pathlib.Path(file).resolve() for file in arguments or documents()]))
    passed, failed = sum(p for p, _ in results), sum(f for _, f in results)
    print(f"docs: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
