"""The server's warnings at its start about settings without effect."""

from tests.support.servers import Serve


def test_what_does_nothing_is_reported(serve: Serve) -> None:
    server = serve(
        PDFSLUICE_POLICY_PRESET="strict", PDFSLUICE_DISABLE="nope,clamav,disk,gates:concurrency"
    )
    log = server.log_tail()
    assert "the environment has PDFSLUICE_POLICY_PRESET, which is no setting" in log
    (line,) = [line for line in log.splitlines() if "nothing to disable" in line]
    assert "nothing to disable is called nope" in line
    assert not {"clamav", "disk", "concurrency"} & set(line.replace(",", " ").split())
