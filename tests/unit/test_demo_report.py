"""What the demo says of its figures."""

from softphone.demo.report import Remarks, Report, as_text

FIGURES = Report("x-phv", None, None, None, None, 30.0, 180, 1200.0, 3000.0, 21000.0, 11000.0, 600.0, 0.02, "/tmp/heard.wav")


def test_a_machine_that_was_too_busy_is_named_as_the_cause() -> None:
    assert "too busy" not in as_text(FIGURES, Remarks(late_share=0.01))
    told = as_text(FIGURES, Remarks(late_share=0.2))
    assert "this machine was late for 20% of the sound" in told and "end other programs" in told
