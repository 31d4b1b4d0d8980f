"""What tests/conformance expects of Slipway's own API is what an API server with our definitions does."""
import subprocess
import sys

import pytest
from cluster import ROOT


@pytest.mark.bundle  # it empties the namespace `default` of our objects
@pytest.mark.long
def test_an_api_server_does_what_is_expected_of_ours(control_plane):
    ended = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ROOT / "tests" / "conformance", "--kubeconfig", control_plane.kubeconfig],
                           capture_output=True, text=True, timeout=400)
    assert ended.returncode == 0, ended.stdout[-4000:]
