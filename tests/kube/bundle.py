"""A cluster of our own out of a bundle beside the repository: `cluster`, a script that starts a real API server, with or without
real nodes, as root on one machine. What it starts lies in a folder of its own and is gone afterwards, whatever happened."""
import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("SLIPWAY_KUBE_BUNDLE", ROOT.parent / "shared" / "kube"))
BESIDE = ROOT / "build" / "kube"  # what is not the cluster's own
LONGEST = 60  # characters of the folder's path: sockets lie below it

# Every request that is not the cluster's own, as it arrives at its end.
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, userGroups: [system:nodes, "system:serviceaccounts:kube-system"]}
- {level: None, users: [system:apiserver, system:kube-controller-manager, system:kube-scheduler, system:kube-proxy]}
- {level: Metadata}
"""


def why_not():
    """Why no cluster can be started out of the bundle; empty where one can."""
    if not (FOLDER / "cluster").is_file():
        return f"KUBECONFIG is not set and there is no bundle in {FOLDER} (SLIPWAY_KUBE_BUNDLE names another folder)"
    if os.geteuid() != 0:
        return f"KUBECONFIG is not set and the bundle in {FOLDER} needs root"
    return ""


class Bundle:
    """One cluster. `keep` leaves it running at the end and takes it up as it is at the start."""

    def __init__(self, name, *shape, keep=False):
        tree = hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:8]
        self.folder = Path(os.environ.get("SLIPWAY_KUBE_DIR", "/var/tmp")) / f"slipway-kube-{tree}-{name}"
        assert len(str(self.folder)) <= LONGEST, f"{self.folder} is too long; SLIPWAY_KUBE_DIR names a shorter place"
        self.shape, self.keep = shape, keep
        self.audit_log = self.folder / "audit" / "log"
        self.lock = None

    # ---- Up and down

    def up(self):
        """Twice at once in one tree: the later one waits. What an earlier run left behind is ended."""
        BESIDE.mkdir(parents=True, exist_ok=True)
        self.lock = (BESIDE / f"{self.folder.name}.lock").open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        if not self.keep:
            self.run("down")
        try:
            self.audit_log.parent.mkdir(parents=True, exist_ok=True)
            (self.folder / "audit" / "policy.yaml").write_text(AUDIT_POLICY)
            self.run("up", *self.shape, "--install", timeout=400)
        except BaseException:
            self.down()
            raise
        return self

    def down(self):
        if not self.keep:
            self.run("down", "--all", timeout=120)
            shutil.rmtree(self.folder, ignore_errors=True)
        self.lock.close()

    @property
    def kubeconfig(self):
        return self.folder / "admin.kubeconfig"

    # ---- The script

    def run(self, verb, *words, timeout=120):
        flags = f"--audit-policy-file={self.folder}/audit/policy.yaml --audit-log-path={self.audit_log}"
        more = os.environ.get("KUBEALL_APISERVER_ARGS", "")
        # To a file: what it starts goes on holding what it inherits.
        said = BESIDE / f"{self.folder.name}.said"
        with said.open("w") as out:
            done = subprocess.run([FOLDER / "cluster", verb, "--dir", self.folder, *map(str, words)], stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.STDOUT, timeout=timeout, env={**os.environ, "KUBEALL_APISERVER_ARGS": f"{flags} {more}"})
        text = said.read_text()
        assert done.returncode == 0, f"cluster {verb} {words} ended with {done.returncode}:\n{text[-3000:]}"
        return text

    # ---- Faults

    def kill(self, program, how="KILL"):
        """`apiserver`, `etcd`, `kubelet-1`, …: until it has gone, where the signal ends it."""
        pid = self.pid(program)
        self.run("kill", program, how)
        end = time.monotonic() + 20
        while how in ("KILL", "TERM") and Path(f"/proc/{pid}").exists() and not is_dead(pid):
            assert time.monotonic() < end, f"{program} does not end"
            time.sleep(0.02)

    def start(self, program):
        self.run("start", program)

    def pid(self, program):
        return int((self.folder / "run" / f"{program}.pid").read_text().split()[0])

    def nodes(self):
        return sorted(int(path.name) for path in (self.folder / "nodes").glob("[0-9]*"))

    def in_node(self, number, *command):
        """A command inside the namespaces of a node -> what it prints."""
        return self.run("node-exec", number, *command)

    def forget_connections(self):
        """The nodes' connection tracking: a connection asked of a pod that has died is remembered there for two minutes."""
        for number in self.nodes():
            subprocess.run(["nsenter", "-t", str(self.pid(f"node-{number}")), "-n", "conntrack", "-F"], capture_output=True, check=False)

    # ---- Images

    def load_image(self, archive):
        self.run("load-image", archive, timeout=300)


def is_dead(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
