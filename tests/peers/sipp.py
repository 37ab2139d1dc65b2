"""SIPp, which plays a far end out of a scenario in XML."""

from pathlib import Path

from tests.peers.process import PeerError, PeerProcess, free_port

_ECHO = """[last_Via:]
      [last_From:]
      [last_To:]{tag}
      [last_Call-ID:]
      [last_CSeq:]
"""


def response(status: str, headers: str = "", body: str = "", tag: str = ";tag=sipp[call_number]", contact: bool = True) -> str:
    """A message that answers the request before it."""
    own = "      Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>\n" if contact else ""
    extra = "".join(f"      {line}\n" for line in headers.splitlines())
    kind = "      Content-Type: application/sdp\n" if body else ""
    text = f"SIP/2.0 {status}\n      {_ECHO.format(tag=tag)}{own}{extra}{kind}      Content-Length: [len]\n\n"
    return f"<send><![CDATA[\n      {text}{body}\n    ]]></send>"


PCMU_SDP = "\n".join(
    f"      {line}"
    for line in (
        "v=0", "o=- 1 1 IN IP[local_ip_type] [local_ip]", "s=-", "c=IN IP[media_ip_type] [media_ip]", "t=0 0",
        "m=audio [media_port] RTP/AVP 0", "a=rtpmap:0 PCMU/8000",
    )
)  # fmt: skip


class Sipp:
    """Takes one call as `steps` (elements of a scenario) say. `wait()` until it is through."""

    def __init__(self, folder: Path, steps: str) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        self.uri = f"sip:sipp@127.0.0.1:{self.port}"
        self._folder = folder
        (folder / "scenario.xml").write_text(
            f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="test">\n{steps}\n</scenario>\n'
        )
        self._process = PeerProcess("sipp", "sip-tester", folder)

    def start(self) -> None:
        """Raises PeerError when it is not installed or does not begin."""
        options = ("-sf", "scenario.xml", "-i", "127.0.0.1", "-p", str(self.port), "-m", "1", "-nostdin", "-timeout", "60", "-trace_err")
        self._process.start(*options, ready=self._listens)

    def _listens(self) -> bool:
        return f"127.0.0.1:{self.port}" in _sockets()

    def wait(self, seconds: float = 30) -> None:
        """Until the scenario is through. Raises PeerError when it went otherwise."""
        status = self._process.wait(seconds)
        if status != 0:
            errors = "\n".join(path.read_text(errors="replace")[-2000:] for path in self._folder.glob("*errors.log"))
            raise PeerError(f"the scenario ended with {status}\n{errors}\n{self._process.tail()}")

    def stop(self) -> None:
        self._process.stop()


def _sockets() -> set[str]:
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    found = set()
    for line in lines:
        address, port = line.split()[1].split(":")
        found.add(".".join(str(byte) for byte in reversed(bytes.fromhex(address))) + f":{int(port, 16)}")
    return found
