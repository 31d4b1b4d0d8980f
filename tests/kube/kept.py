"""A cluster that is asked over connections that are kept: for whoever asks it many times a second."""
import http.client
import os
import threading

from cluster import NUMBERS, Space
from server import as_json


class KeptSpace(Space):
    """Made without kubectl."""

    def __init__(self, kept, name):
        self.cluster, self.name, self.cleanups = kept, name, []
        self.kubectl_of_cluster = kept.kubectl
        kept.post("/api/v1/namespaces", {"metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})


class Kept:
    """Everything else is the cluster's own."""

    def __init__(self, cluster):
        self.cluster, self.local = cluster, threading.local()

    def __getattr__(self, name):
        return getattr(self.cluster, name)

    def space(self, prefix):
        """A namespace whose requests go by us."""
        return KeptSpace(self, f"{prefix}-{os.getpid()}-{next(NUMBERS)}")

    def post(self, path, *objects):
        """Creates them; kubectl takes half a second to, and more where many do it at once."""
        for each in objects:
            status, _, said = self.ask("POST", path, each)
            assert status == 201, said

    def ask(self, method, path, body=None, headers=None):
        """As Server.ask; one connection a thread. Asked again once where the server has closed it meanwhile."""
        for last in (False, True):
            connection = getattr(self.local, "connection", None) or self.cluster.connect()
            self.local.connection = connection
            try:
                answer = self.cluster.open(connection, method, path, body, headers)
                text = answer.read().decode()
                return answer.status, answer.headers, as_json(text)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self.local.connection = None
                if last or not isinstance(error, (http.client.RemoteDisconnected, http.client.CannotSendRequest, BrokenPipeError, ConnectionResetError)):
                    raise
        raise AssertionError("not reached")
