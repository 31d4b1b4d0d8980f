"""Our own test programs, where they ask for an API server: the contract of the store, the Lease."""
import os
import subprocess

import pytest
from cluster import BINARY

# What a real API server has no way to show is left out: it forgets old versions when it compacts, minutes later.
PROGRAMS = {"kube_test": "LeaseOnAnApiServer*", "remote_kube_test": "-*TooOldAVersion*"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_holds_on_a_real_api_server(control_plane, name):
    found = sorted(BINARY.parent.rglob(name))
    assert found, f"{name} is not built: tools/build release {name}"
    ended = subprocess.run([found[0], f"--gtest_filter={PROGRAMS[name]}"], capture_output=True, text=True, timeout=200,
                           env={**os.environ, "SLIPWAY_TEST_KUBECONFIG": str(control_plane.kubeconfig)})
    assert ended.returncode == 0 and "[  SKIPPED ]" not in ended.stdout and "[  PASSED  ] 0 tests" not in ended.stdout, ended.stdout[-4000:] + ended.stderr[-1000:]
