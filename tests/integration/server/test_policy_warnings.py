"""The server warns at its start of a rule whose kind is misspelt."""

from pathlib import Path

from tests.support.servers import Serve

RULES = """
[[plugins.policy.rules]]
kind = "javscript"
decision = "reject"

[[plugins.policy.rules]]
kind = "acme"
decision = "note"

[[plugins.policy.rules]]
kind = "launch"
decision = "note"

[[plugins.policy.rules]]
decision = "flag"
"""


def test_unknown_kinds_are_reported_with_the_nearest_known_one(
    serve: Serve, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(RULES)
    running = serve(arguments=["--config", str(settings)])
    warnings = [line for line in running.log_tail().splitlines() if "[plugins.policy]" in line]
    assert len(warnings) == 2
    assert "'javscript'" in warnings[0]
    assert "Is 'javascript' meant?" in warnings[0]
    assert "'acme'" in warnings[1]
    assert "Known are: javascript, " in warnings[1]
