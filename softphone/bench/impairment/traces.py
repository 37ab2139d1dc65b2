"""Links that change during a call, made by us after published shapes; each stretch: seconds, and what happens in it.

train: coverage along a railway, with a dead zone (Li et al., "A measurement study on TCP on high-speed trains", INFOCOM 2015; Merz et al.,
"Performance of LTE in a high-velocity environment", AllThingsCellular 2014). cell: a phone at the edge of a cell, with handovers of some
hundred milliseconds (Winstein et al., "Sprout", NSDI 2013). satellite: a thin geostationary channel (RFC 2488), with a rain fade.
"""

Stretches = tuple[tuple[float, str], ...]

TRACES: dict[str, Stretches] = {
    "train": (
        (12.0, "rate 64000"),
        (20.0, "rate 2400"),
        (16.0, "rate 64000 + burst 30%x3"),
        (4.0, "loss 100%"),
        (16.0, "rate 24000"),
        (14.0, "rate 64000"),
    ),
    "cell": (
        (12.0, "rate 48000 + delay 40ms + jitter 30ms ordered"),
        (0.6, "loss 100%"),
        (14.0, "rate 9600 + delay 60ms + jitter 60ms ordered"),
        (14.0, "rate 32000 + delay 40ms + jitter 40ms ordered + loss 3%"),
        (1.2, "loss 100%"),
        (14.0, "rate 4800 + delay 80ms + jitter 80ms ordered + burst 10%x2"),
        (14.0, "rate 64000 + delay 40ms + jitter 20ms ordered"),
    ),
    "satellite": (
        (24.0, "rate 4800 + delay 600ms"),
        (12.0, "rate 4800 + delay 600ms + burst 20%x3"),
        (24.0, "rate 4800 + delay 600ms"),
    ),
}
