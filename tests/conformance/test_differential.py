"""The story, played against the API, holds against what an API server answered."""
import json

import differential


def test_the_answers_are_an_api_servers_but_for_what_is_allowed(server, request):
    real = json.loads(differential.RECORDED.read_text())
    found = differential.differences(differential.play(server), real)
    allowed = [] if request.config.getoption("--kubeconfig") else differential.allowances()
    left, unneeded = differential.judge(found, allowed)
    assert not left and not unneeded, "\n" + differential.report(left, unneeded)


def test_every_recorded_answer_belongs_to_a_step():
    names = [step.name for step in differential.STEPS]
    assert len(names) == len(set(names))
    assert set(json.loads(differential.RECORDED.read_text())) == set(names)


def test_a_difference_without_a_line_is_found_and_a_line_without_a_difference_too():
    real = json.loads(differential.RECORDED.read_text())
    mine = json.loads(json.dumps(real))
    mine["get"]["body"]["spec"]["replicas"] = 7
    mine["group"]["status"] = 500
    allowed = [("get", "body.spec.*", "why"), ("list *", "*", "nothing needs it")]
    left, unneeded = differential.judge(differential.differences(mine, real), allowed)
    assert [(step, path) for step, path, _, _ in left] == [("group", "status")]
    assert unneeded == [allowed[1]]
