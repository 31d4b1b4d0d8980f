"""A database that is newer, somebody else's, damaged, or made to harm: it is named, left alone, and nothing of it runs."""
import json
import os
import random
import sqlite3

import pytest
from control import API, Control, deployment, refused


def stopped(control):
    """The data folder of a control that ran and ended, with something in it."""
    platform = control()
    assert platform.slipway("apply", "-f", "-", stdin=json.dumps(deployment("kept"))).returncode == 0
    assert platform.stop() == 0
    return platform.data


def test_a_newer_database_is_left_alone(control):
    data = stopped(control)
    with sqlite3.connect(data / "slipway.db") as database:
        database.execute("PRAGMA user_version=9")
    database.close()
    before = (data / "slipway.db").read_bytes()
    assert refused(data) == f"error: {data}/slipway.db was written by a newer Slipway (format 9, this one knows 1); upgrade this one\n"
    assert (data / "slipway.db").read_bytes() == before


def test_another_programs_database_is_left_alone(control):
    data = stopped(control)
    (data / "slipway.db").unlink()
    with sqlite3.connect(data / "slipway.db") as database:
        database.execute("CREATE TABLE theirs(x)")
    database.close()
    before = (data / "slipway.db").read_bytes()
    assert refused(data) == f"error: {data}/slipway.db is a database of another program; use another --data folder\n"
    assert (data / "slipway.db").read_bytes() == before


def overwrite(data, offset, text):
    with open(data / "slipway.db", "r+b") as file:
        file.seek(offset)
        file.write(text)


@pytest.mark.parametrize("spoil", [lambda data: (data / "slipway.db").write_bytes(b"no database at all" * 100),
                                   lambda data: overwrite(data, 100, b"\xff" * 4000),
                                   lambda data: overwrite(data, 4096, b"\xff" * 4096),
                                   lambda data: os.truncate(data / "slipway.db", 5000)],
                         ids=["text", "schema page", "table page", "truncated"])
def test_a_corrupt_database_is_named_with_the_next_step(control, spoil):
    data = stopped(control)
    spoil(data)
    said = refused(data)
    assert said.startswith(f"error: {data}/slipway.db is damaged (") and len(said.splitlines()) == 1
    assert said.endswith("); restore a copy of it, or move it away and start anew: pushed model files are not in it and stay\n")
    (data / "slipway.db").rename(data / "slipway.db.away")
    for extra in data.glob("slipway.db-*"):
        extra.unlink()
    assert control(data=data).deployments() == {}


# ---- Made to harm


HOSTILE = {
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON objects BEGIN DELETE FROM audit; END",
    "a view": "CREATE VIEW v AS SELECT * FROM objects",
    "a view for a table": "ALTER TABLE audit RENAME TO gone; CREATE VIEW audit AS SELECT * FROM gone",
    "another table": "CREATE TABLE more(x)",
    "a table less": "DROP TABLE audit",
    "an index with a function": "CREATE INDEX i ON objects(abs(length(name)))",
    "other columns": "DROP TABLE objects; CREATE TABLE objects(x)",
    "a generated column": "ALTER TABLE objects ADD COLUMN g AS (zeroblob(1000000000))",
    "no counter": "DELETE FROM counter",
    "a kind that is none": "INSERT INTO objects VALUES('Secret', 'default', 'x', '{}', '{}', '')",
    "meta that is no JSON": "UPDATE objects SET meta = '{'",
    "a deep meta": "UPDATE objects SET meta = printf('%.*c', 900000, '[')",
    "content that is no JSON": "UPDATE objects SET content = x'00ff'",
    "content that is a list": "UPDATE objects SET content = '[]'",
    "status that is no JSON": "UPDATE objects SET status = '{'",
}


@pytest.mark.parametrize("how", HOSTILE)
def test_ATK_39_a_hostile_database_is_refused(control, how):
    data = stopped(control)
    database = sqlite3.connect(data / "slipway.db")
    database.executescript(HOSTILE[how])
    database.commit()
    database.close()
    said = refused(data)
    assert said.startswith(f"error: {data}/slipway.db is damaged (") and len(said) < 1000


def test_ATK_39_bytes_changed_at_random_never_crash_it(control):
    """What starts nevertheless was told nothing wrong: it answers with what it had, or refused the file."""
    data = stopped(control)
    whole = (data / "slipway.db").read_bytes()
    dice = random.Random(39)
    refusals = 0
    for _ in range(40):
        spoiled = bytearray(whole)
        for _ in range(dice.randint(1, 30)):
            spoiled[dice.randrange(len(spoiled))] = dice.randrange(256)
        (data / "slipway.db").write_bytes(spoiled)
        for extra in data.glob("slipway.db-*"):
            extra.unlink()
        try:
            platform = Control(data)
        except AssertionError as said:
            assert "no start: " in str(said)
            refusals += 1
            continue
        assert platform.ask("GET", f"{API}/modeldeployments")[0] == 200
        assert platform.stop() == 0
    log = (data.parent / "data.log").read_text(errors="replace")
    assert "terminate called" not in log and "Sanitizer" not in log and refusals > 0
    (data / "slipway.db").write_bytes(whole)
    assert list(control(data=data).deployments()) == ["kept"]
