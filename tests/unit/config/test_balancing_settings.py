"""``hedge`` and ``affinity``: at the top, under an alias, by variable; and the place of each mistake."""

import pytest

from ferrogate.config import check_config


@pytest.fixture
def read(tmp_path):
    def _read(text, environ=None):
        path = tmp_path / "gateway.yaml"
        path.write_text(text)
        return check_config(path, None, environ or {})

    return _read


def test_nothing_is_hedged_and_conversations_stay_by_default(read):
    config, problems = read("models: {chat: [openai/x]}\n")
    assert problems == []
    assert (config.hedge.enabled, config.hedge.budget, config.affinity) == (False, 0.05, True)
    alias = config.models["chat"]
    assert (alias.hedge.enabled, alias.hedge.budget, alias.affinity) == (None, None, None)


def test_both_stand_at_the_top_and_under_an_alias(read):
    config, problems = read(
        "hedge: {enabled: true, budget: 10%}\naffinity: false\n"
        "models:\n  chat: {targets: [openai/x], hedge: {budget: .5}, affinity: true}\n"
    )
    assert problems == []
    assert (config.hedge.enabled, config.hedge.budget, config.affinity) == (True, 0.1, False)
    alias = config.models["chat"]
    assert (alias.hedge.enabled, alias.hedge.budget, alias.affinity) == (None, 0.5, True)


@pytest.mark.parametrize(("text", "value"), [("false", False), ("true", True)])
def test_a_variable_wins_over_the_file(read, text, value):
    config, problems = read(f"affinity: {str(not value).lower()}\n", {"GATEWAY_AFFINITY": text})
    assert problems == []
    assert config.affinity is value
    assert str(dict(config.places.settings())["affinity"]) == "GATEWAY_AFFINITY"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("affinity: perhaps\n", "1:11: affinity must be true or false"),
        ("affinity: {enabled: true}\n", "1:11: affinity must be true or false"),
        ("hedge: true\n", "1:8: hedge must hold keys and values"),
        ("hedge: {after: 1s}\n", "1:9: hedge.after is not known here; known are budget, enabled"),
        (
            "hedge: {budget: 5}\n",
            "1:17: hedge.budget is not between 0 and 1; write a share such as 0.05 or 5%",
        ),
        ("hedge:\n  budget: lots\n", "2:11: hedge.budget is not a share; write a share such as 0.05 or 5%"),
        (
            "models:\n  chat:\n    targets: [openai/x]\n    hedge: {budgit: 1%}\n",
            "4:13: models.chat.hedge.budgit is not known here; did you mean budget?",
        ),
        (
            "models:\n  chat:\n    targets: [openai/x]\n    affinty: true\n",
            "4:5: models.chat.affinty is not known here; did you mean affinity?",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(read, tmp_path, text, says):
    _, problems = read(text)
    (problem,) = problems
    assert str(problem).startswith(f"{tmp_path}/gateway.yaml:{says}")
