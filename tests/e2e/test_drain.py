"""A server goes away without losing a request."""
import http.client
import json
import signal
import threading

from conftest import ZOO, row, wait_until

TREE = ZOO / "xgb_binary_cancer" / "model.json"
BODY = json.dumps({"inputs": row([1.0] * 30)})


class Caller(threading.Thread):
    """Asks as fast as it can over kept connections until nobody listens any more."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.answered, self.broken, self.started = server, 0, [], threading.Event()

    def run(self):
        while True:
            connection = self.server.connect()
            try:
                connection.connect()
            except OSError:
                return  # the listener is closed: nothing was begun
            try:
                while True:
                    connection.request("POST", "/v2/models/m/infer", BODY)
                    answer = connection.getresponse()
                    text = answer.read()
                    if answer.status != 200 or b'"outputs"' not in text:
                        self.broken.append((answer.status, text))
                    self.answered += 1
                    self.started.set()
                    if answer.getheader("connection") == "close":
                        break
            except (OSError, http.client.HTTPException) as error:
                self.broken.append(repr(error))
                return
            finally:
                connection.close()


def test_sigterm_under_load_loses_nothing(serve):
    server = serve({"m": TREE})
    callers = [Caller(server) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.started.wait(10)
    assert server.stop() == 0
    for caller in callers:
        caller.join(10)
        assert not caller.is_alive()
    assert [caller.broken for caller in callers] == [[]] * len(callers)
    assert sum(caller.answered for caller in callers) > len(callers)


def test_until_it_was_quiet_it_answers_but_is_not_ready(serve):
    server = serve({"m": TREE}, "--drain-quiet", "60s")
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: server.get("/readyz")[0] == 503)
    assert server.get("/v2/health/ready") == (503, '{"ready":false}')
    assert server.get("/livez")[0] == 200
    assert server.ask("POST", "/v2/models/m/infer", BODY)[0] == 200
    server.stop()


def test_when_it_was_quiet_it_ends(serve):
    server = serve({"m": TREE}, "--drain-quiet", "300ms")
    assert server.stop() == 0


def test_a_second_signal_ends_it_at_once(serve):
    server = serve({"m": TREE}, "--drain-quiet", "60s")
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: server.get("/readyz")[0] == 503)
    assert server.stop() == 130


def test_past_the_deadline_it_ends(serve):
    server = serve({"m": TREE}, "--drain-quiet", "60s", "--drain-deadline", "200ms")
    assert server.stop() == 0
