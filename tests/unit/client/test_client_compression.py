"""When a client tries to compress: the cost of a try against what it saves."""

from pdfsluice.client.compression import Gain

MIB = 1024 * 1024


def run(gain: Gain, *, share: float, speed: float, line: float, pieces: int) -> int:
    """Send compressible pieces of 1 MiB; return how many were tried."""
    tried = 0
    for _ in range(pieces):
        size = float(MIB)
        if gain.worth_a_try():
            tried += 1
            gain.tried(MIB, int(MIB * (1 - share)), MIB / speed)
            size = MIB * (1 - share)
        gain.delivered(int(size), 1, size / line)
    return tried


def test_on_a_slow_link_every_piece_is_tried_also_those_that_do_not_become_smaller() -> None:
    assert run(Gain(), share=0.0, speed=300 * MIB, line=2.5 * MIB, pieces=100) == 100


def test_on_a_line_faster_than_compression_the_tries_end() -> None:
    assert run(Gain(), share=0.7, speed=300 * MIB, line=400 * MIB, pieces=100) == 1


def test_between_them_tries_continue_only_while_they_save_more_than_they_cost() -> None:
    line, speed = 30 * MIB, 300 * MIB
    assert run(Gain(), share=0.6, speed=speed, line=line, pieces=100) == 100
    assert run(Gain(), share=0.0, speed=speed, line=line, pieces=100) < 30


def test_a_file_that_begins_with_pictures_is_compressed_later() -> None:
    gain, line, speed = Gain(), 30 * MIB, 300 * MIB
    run(gain, share=0.0, speed=speed, line=line, pieces=200)
    assert run(gain, share=0.6, speed=speed, line=line, pieces=100) > 60


def test_a_line_that_becomes_slower_is_noticed() -> None:
    gain = Gain()
    assert run(gain, share=0.7, speed=300 * MIB, line=1000 * MIB, pieces=50) == 1
    assert run(gain, share=0.7, speed=300 * MIB, line=2 * MIB, pieces=50) > 20
