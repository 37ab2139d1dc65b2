"""What a soak found, as Markdown."""

from softphone.bench.markdown import table
from softphone.bench.soak.run import Soak

_MB = 1e6


def report(found: Soak) -> str:
    """Tables and sentences for docs/reliability.md."""
    tried = [(one.name, str(one.tried), str(one.recovered), f"{one.seconds:.0f}") for one in found.exercises]
    lines = [table(("what", "tried", "came out of it", "seconds"), tried), ""]
    row = found.exercises[0]
    if row.tried:
        lines += [f"{60 * row.recovered / max(row.seconds, 0.001):.0f} calls a minute, each set up, heard at both ends and hung up.", ""]
    lines += [_usage(found), ""]
    lost = max(2 * found.calls_made - found.history_rows, 0)
    lines.append(
        f"History: {found.history_rows} rows, two for each call (both phones write into one database); {lost} of {found.calls_made} "
        f"calls in a row are missing, {found.history_open} rows were left open."
    )
    lines.append(f"Processes that outlived their phones: {found.left_over}.")
    if found.stopped_early:
        lines.append("The time that was allowed ran out before all was tried.")
    return "\n".join(lines)


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
