"""`slipway up` in the background, its parts, and those who wait at its gateway."""
import http.client
import re

from conftest import run, wait_until
from machine import PARTS, UnixConnection


def up(data, *options, listen="127.0.0.1:0", api="127.0.0.1:0", env=None):
    return run("up", "--detach", "--data", data, "--listen", listen, "--api", api, *options, env=env, timeout=90)


def refused(data, *options, **more):
    """`slipway up` that must not start, here or in the background. -> what it says"""
    here = run("up", "--data", data, "--listen", more.get("listen", "127.0.0.1:0"), "--api", more.get("api", "127.0.0.1:0"), *options, timeout=90)
    ended = up(data, *options, **more)
    for each in (here, ended):
        assert each.returncode == 1 and each.stdout == "", each
    said = here.stderr.splitlines()[-1] + "\n"
    assert re.sub(r"\d+", "N", ended.stderr) == re.sub(r"\d+", "N", said)
    return said


def port_of(url):
    return int(url.rsplit(":", 1)[1])


def pids(platform):
    return {part: platform.pid(part) for part in PARTS}


def sockets(data):
    return [path.name for path in (data / "run").iterdir() if path.is_socket()]


def ask_later(port):
    """A connection that the system has taken, and a request on it; nobody may have accepted it yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/v2/health/live")
    return connection


def ready(data, part):
    try:
        connection = UnixConnection(data / "run" / f"{part}.admin.sock", timeout=2)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False


def wait_again(platform, part, old):
    """Until another process is that part, and ready."""
    wait_until(lambda: platform.pid(part) not in (0, old) and ready(platform.data, part))
    return platform.pid(part)


def kill(platform, part):
    """kill -9, until its last thread has gone: one that still runs may take a connection with it. -> who it was"""
    pid = platform.pid(part)
    platform.kill(pid)
    wait_until(lambda: platform.pid(part) != pid)
    return pid
