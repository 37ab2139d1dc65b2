"""What `softphone bench network --docs` writes: the table, how it was measured, and a picture."""

from collections.abc import Sequence
from pathlib import Path

from softphone.bench.codec.rows import Row
from softphone.bench.instruments.docs_page import write_section
from softphone.bench.network.network_plots import plot_network
from softphone.bench.network.network_table import network_table

PICTURE = "bench-network.png"

_NOTES = """
- Every row is made of real calls: two engines with their codec workers, SIP, SDP and RTP through the impairment box
  (`softphone/bench/impairment/`), a recording in place of each microphone. The two talk in turns, each with one speaker's voice.
- network: `loss` is independent, `burst 30%x3` is 30 % in bursts of 3 packets on average (Gilbert-Elliott), `jitter 300ms` delays each
  packet by something between 0 and 300 ms, so that packets overtake each other; each direction by itself, RTCP as RTP, SIP not. `rate`
  is one link for both directions and for SIP, RTP and RTCP together, headers counted, with a queue of one second.
- IP bit/s: RTP as it enters the network, with IPv4, UDP and RTP headers, over the seconds in which somebody speaks; a pause shorter than
  a second belongs to them. RTCP bit/s: of one direction, with headers, over the whole conversation.
- packets lost: of the RTP of speech, by loss or because the queue was full.
- word error: Whisper base (int8, beam 5), over all recordings; a call that could not be set up counts as nothing understood. added:
  compared with the same system without impairment. words kept: of the words understood without impairment, those understood still.
- first words: share of the utterances whose first word was understood.
- `trace`: a link that changes during one call (`softphone/bench/impairment/traces.py`), the same turns again and again until it is over, a
  line for each stretch of it. words kept: of the words said in it, those understood, among those understood without impairment. understood
  again: from the first word said in the stretch until the first of three in a row is heard that are understood, of the same words; median
  of the calls. mouth to ear: median over
  two seconds each; below 200 ms: from the beginning of the stretch. bytes: of both directions, with headers, RTP and RTCP.
- mouth to ear: from microphone to loudspeaker without sound cards, median of the recordings.
- gaps: stretches longer than 100 ms in which something was said and nothing is heard, a minute of speech. silent: their share of speech.
- set up: from the first INVITE to both ends talking, median; the INVITE with its IPv4 and UDP headers.
"""


def write(folder: Path, rows: Sequence[Row], command: str) -> Path:
    """The section `bench network` of the page in `folder`, and the picture beside it. Raises DocsError, PlotError."""
    plot_network(rows, folder / PICTURE)
    body = f"""## Bad networks

`{command}`

{network_table(rows)}
{_NOTES}
![word error against loss and rate]({PICTURE})
"""
    return write_section(folder, "bench network", body)
