"""What a soak found, as Markdown."""

from itertools import pairwise

from softphone.bench.instruments.markdown import table
from softphone.bench.soak.process_figures import Usage
from softphone.bench.soak.run import Soak
from softphone.bench.soak.strangers import StrangersFound

_MB = 1e6


def report(found: Soak) -> str:
    """Tables and sentences for docs/reliability.md."""
    tried = [(one.name, str(one.tried), str(one.recovered), f"{one.seconds:.0f}") for one in found.exercises]
    lines = [table(("what", "tried", "came out of it", "seconds"), tried), ""]
    row = found.exercises[0]
    if row.tried:
        lines += [f"{60 * row.recovered / max(row.seconds, 0.001):.0f} calls a minute, each set up, heard at both ends and hung up.", ""]
    lines += [_usage(found), ""]
    if found.speech:
        lines += [_speech(found.speech), ""]
    lost = max(2 * found.calls_made - found.history_rows, 0)
    lines.append(
        f"History: {found.history_rows} rows, two for each call (both phones write into one database); {lost} of {found.calls_made} "
        f"calls in a row are missing, {found.history_open} rows were left open."
    )
    lines.append(f"Processes that outlived their phones: {found.left_over}.")
    lines += [f"Not tried: {sentence}." for sentence in found.not_tried]
    if found.stopped_early:
        lines.append("The time that was allowed ran out before all was tried.")
    return "\n".join(lines)


def report_strangers(found: StrangersFound, messages: int, calls: int) -> str:
    """A table and sentences. messages, calls: how many were wanted."""
    rows = [
        ("SIP messages", str(found.messages), str(messages)),
        ("calls that came up", str(found.calls), str(calls)),
        ("packets of RTP, RTCP and STUN in these calls", str(found.packets), "-"),
        ("answers of the phone", str(found.answers), "-"),
        ("deaths of the engine", str(found.deaths), "0"),
        ("descriptions of the phone with freed memory in them", str(found.garbled), "0"),
        ("times that it gave no sign of life for 5 s", str(found.silent), "0"),
    ]
    lines = [table(("what", "number", "wanted"), rows), "", f"Seed {found.seed}, {found.seconds:.0f} s."]
    lines += [f"What was sent before: {folder}." for folder in found.last_messages]
    if found.messages < messages or found.calls < calls:
        lines.append("The time that was allowed ran out before all was tried.")
    return "\n".join(lines)


def _speech(used: list[dict[str, Usage]]) -> str:
    """The first half against the second, after a fifth to warm up."""
    warm = len(used) // 5
    middle = (warm + len(used)) // 2
    begin, end = used[max(warm - 1, 0)], used[-1]
    rows = []
    for name, at_last in end.items():
        if name not in begin or name not in used[middle - 1]:
            continue
        points = begin[name], used[middle - 1][name], at_last
        calls = max(middle - max(warm, 1), 1), max(len(used) - middle, 1)
        cpu = [(after.cpu_s - before.cpu_s) / count for (before, after), count in zip(pairwise(points), calls, strict=True)]
        rows.append(
            (
                name,
                " / ".join(f"{point.resident / _MB:.0f}" for point in points),
                " / ".join(f"{seconds:.1f}" for seconds in cpu),
                " / ".join(str(point.files) for point in points),
                " / ".join(str(point.threads) for point in points),
            )
        )
    titles = ("process, with what it started", "memory, MB", "CPU s a call, first / second half", "files", "threads")
    head = f"Over {len(used)} calls with speech, after {max(warm, 1)} of them, in the middle and at the end:"
    return f"{head}\n\n{table(titles, rows)}"


def _usage(found: Soak) -> str:
    rows = []
    for name, before in found.before.items():
        after = found.after.get(name)
        if after is None:
            continue
        growth = (after.resident - before.resident) / max(found.calls_between, 1)
        rows.append(
            (
                name,
                f"{before.resident / _MB:.1f}",
                f"{after.resident / _MB:.1f}",
                f"{growth / 1000:+.1f}",
                f"{before.files} / {after.files}",
                f"{before.threads} / {after.threads}",
                f"{(after.cpu_s - before.cpu_s) / max(found.calls_between, 1):.2f}",
            )
        )
    titles = ("process", "memory before, MB", "after, MB", "kB a call", "files before / after", "threads before / after", "CPU s a call")
    return f"Over {found.calls_between} calls in a row in {found.seconds_between:.0f} s, after a warm-up:\n\n{table(titles, rows)}"
