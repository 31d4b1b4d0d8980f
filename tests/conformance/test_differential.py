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
