"""When the link to the terminal counts as slow."""

from softphone.tui.terminal.link import AGREE, EVERY_S, LATE_S, TerminalLink, remote


def measure(link: TerminalLink, *round_trips: float, at: float = 0.0) -> float:
    for took in round_trips:
        while not link.due(at):
            at += 0.25
        link.asked(at)
        at += took
        link.look(at)
        link.answered(at)
    return at


def test_only_over_ssh_and_only_when_answers_are_slow() -> None:
    link = TerminalLink("auto", over_ssh=True)
    measure(link, 0.05, 0.06)
    assert not link.slow
    measure(link, *[0.7] * AGREE, at=100.0)
    assert link.slow
    at_home = TerminalLink("auto", over_ssh=False)
    assert not at_home.due(0.0) and not at_home.slow


def test_one_slow_answer_is_no_slow_link_and_one_fast_answer_no_fast_one() -> None:
    link = TerminalLink("auto", over_ssh=True)
    at = measure(link, 0.05, 0.9, 0.05, 0.05)
    assert not link.slow
    at = measure(link, 0.9, 0.9, 0.1, at=at)
    assert link.slow
    at = measure(link, 0.3, 0.1, at=at)
    assert link.slow, "0.3 s is neither slow nor fast"
    measure(link, 0.1, at=at)
    assert not link.slow


def test_no_answer_is_a_slow_one() -> None:
    link = TerminalLink("auto", over_ssh=True)
    link.asked(0.0)
    link.look(LATE_S + 0.1)
    assert link.slow
    assert not link.due(LATE_S + EVERY_S), "one question at a time"
    link.answered(30.0)
    assert link.slow and link.round_trip_s == 30.0


def test_the_setting_decides_where_it_is_given() -> None:
    assert TerminalLink(True, over_ssh=False).slow
    never = TerminalLink(False, over_ssh=True)
    assert not never.due(0.0)
    assert not never.slow


def test_what_changes_all_the_time_follows_the_round_trip() -> None:
    link = TerminalLink("auto", over_ssh=True)
    measure(link, 0.35)
    assert link.news_s == 0.7
    assert TerminalLink(True, over_ssh=True).news_s > 1


def test_ssh_is_known_by_its_environment() -> None:
    assert remote({"SSH_CONNECTION": "192.0.2.1 5 192.0.2.2 22"}) and remote({"SSH_TTY": "/dev/pts/1"})
    assert not remote({"TERM": "xterm"})
