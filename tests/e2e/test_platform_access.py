"""Who may talk to the parts of a platform: each listener and socket beside the API's, which test_access.py tries."""
import http.client
import stat

import pytest
from conftest import run, wait_until
from machine import Machine, UnixConnection, holder

ADMIN_PATHS = {"/startupz", "/readyz", "/livez", "/metrics", "/observed"}
FOREIGN = ["/", "/apis", "/api/v1/pods", "/version", "/v2/tumour/tags/list", "/v2/models/tumour", "/debug", "/quitquitquit", "/../slipway.db", "/%2e%2e/kubeconfig",
           "/logs/control.log", "//observed/..", "/observed/x", "/metrics;x"]


@pytest.fixture(scope="module")
def platform():
    machine = Machine()
    try:
        machine.push_salted(1)
        machine.deploy()
        yield machine
        machine.down()
    finally:
        machine.remove()


def asked(connection, method, path):
    try:
        connection.request(method, path, "{}" if method != "GET" else None)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_only_the_owner_reaches_what_lies_in_the_data_folder(platform):
    assert stat.S_IMODE((platform.data).stat().st_mode) == stat.S_IMODE((platform.data / "run").stat().st_mode) == 0o700
    sockets = [path for path in (platform.data / "run").iterdir() if stat.S_ISSOCK(path.stat().st_mode)]
    assert len(sockets) == 7  # two of each replica, the admin sockets of gateway and control, the gateway's descriptor
    for path in (*sockets, *(platform.data / "run").glob("*.lock"), *(platform.data / "run").glob("*.json"), *(platform.data / "logs").iterdir(),
                 *(platform.data / "gateway").iterdir(), platform.data / "kubeconfig"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_ATK_21_admin_listeners_say_and_change_nothing(platform):
    """They are read, by whoever may open the socket, and offer their five paths alone."""
    for socket in (platform.data / "run").glob("*.admin.sock"):
        offered = ADMIN_PATHS - ({"/observed"} if socket.name.startswith("control") else set())
        for path in offered:
            assert asked(UnixConnection(socket), "GET", path)[0] == 200, (socket, path)
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                assert asked(UnixConnection(socket), method, path)[0] in (400, 404, 405), (socket, method, path)
        for path in FOREIGN:
            assert asked(UnixConnection(socket), "GET", path)[0] in (400, 404), (socket, path)
        for path in offered - {"/metrics"}:  # names of models at the most, and never the token
            assert platform.token not in asked(UnixConnection(socket), "GET", path)[1]


def test_ATK_21_the_gateway_offers_callers_no_way_to_manage(platform):
    def answer(method, path):
        return asked(http.client.HTTPConnection(platform.url.removeprefix("http://"), timeout=10), method, path)
    for path in (ADMIN_PATHS | set(FOREIGN)) - {"/", "/v2/models/tumour"}:
        for method in ("GET", "POST", "DELETE"):
            status, text = answer(method, path)
            assert status in (400, 404, 405), (method, path, status)
            assert platform.token not in text
    for path in ("/v2/repository/models/tumour/load", "/v2/repository/models/tumour/unload"):
        assert answer("POST", path)[0] in (404, 405, 501)
    assert platform.predict()[0] == 200


def test_ATK_21_other_machines_reach_nothing_without_being_told(tmp_path):
    for option in ("--listen", "--admin", "--api-admin"):
        words = {"--listen": "127.0.0.1:0", "--api": "127.0.0.1:0", option: "0.0.0.0:0"}
        ended = run("up", "--detach", "--data", tmp_path / "data", *(word for pair in words.items() for word in pair))
        assert ended.returncode != 0 and "--allow-plaintext" in ended.stderr, (option, ended)
        wait_until(lambda: not any(map(holder, (tmp_path / "data" / "run").glob("*.lock"))))


@pytest.mark.parametrize("name", ["..%2f..%2fkubeconfig", "..%2fcontrol", "control", "gateway", "supervisor", "tumour-1-00000000-0", "%2e%2e", "x%00"])
def test_the_logs_of_replicas_are_the_only_ones_that_the_api_gives(platform, name):
    status, _, text = platform.ask("GET", f"/api/v1/namespaces/default/pods/{name}/log")
    assert status in (400, 404) and b"token" not in text and b"started" not in text, text
    replica = next(iter(platform.replicas()))
    assert platform.ask("GET", f"/api/v1/namespaces/default/pods/{replica}/log")[0] == 200
    assert platform.ask("GET", f"/api/v1/namespaces/default/pods/{replica}/log", headers={"authorization": None})[0] == 401
