"""SIPp, which plays a far end out of a scenario in XML."""

from pathlib import Path

from tests.peers.programs.process import PeerError, PeerProcess, free_port

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


INVITED = """<recv request="INVITE" rrs="true"><action>
      <ereg regexp=".*" search_in="hdr" header="f:" assign_to="theirs"/>
    </action></recv>"""
"""Keeps who called, for `request`; SIPp finds no short form of a name that it is given in full, and our phone writes the short ones."""
INVITES = f"""<send retrans="500"><![CDATA[
      INVITE sip:softphone@[remote_ip]:[remote_port] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:sipp@[local_ip]:[local_port]>;tag=sipp[call_number]
      To: <sip:softphone@[remote_ip]:[remote_port]>
      Call-ID: [call_id]
      CSeq: 1 INVITE
      Contact: <sip:sipp@[local_ip]:[local_port]>
      Max-Forwards: 70
      Content-Type: application/sdp
      Content-Length: [len]

{PCMU_SDP}
    ]]></send>"""
RINGS = '<recv response="100" optional="true"/><recv response="180" rrs="true"/>'
ANSWERED = """<recv response="100" optional="true"/><recv response="180" optional="true"/><recv response="200" rrs="true"><action>
      <ereg regexp=".*" search_in="hdr" header="t:" assign_to="theirs"/>
    </action></recv>"""


def request(method: str, sequence: int, headers: str = "", body: str = "", to: str = "[$theirs]", branch: str = "[branch]") -> str:
    """A request of ours in the dialog."""
    uri = "[next_url]" if to == "[$theirs]" else "sip:softphone@[remote_ip]:[remote_port]"
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}",
        "From: <sip:sipp@[local_ip]:[local_port]>;tag=sipp[call_number]",
        f"To: {to}",
        "Call-ID: [call_id]",
        f"CSeq: {sequence} {method}",
        "Contact: <sip:sipp@[local_ip]:[local_port]>",
        "Max-Forwards: 70",
        *headers.splitlines(),
        *(["Content-Type: application/sdp"] if body else []),
        "Content-Length: [len]",
    ]
    text = "".join(f"      {line}\n" for line in lines)
    again = "" if method == "ACK" else ' retrans="500"'
    return f"<send{again}><![CDATA[\n{text}\n{body}\n    ]]></send>"


class Sipp:
    """Takes one call as `steps` (elements of a scenario) say; `calls`: makes one, to this host:port. `wait()` until it is through."""

    def __init__(self, folder: Path, steps: str, calls: str = "") -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        self.uri = f"sip:sipp@127.0.0.1:{self.port}"
        self._folder = folder
        self._calls = calls
        if 'assign_to="theirs"' in steps:
            steps += '\n<Reference variables="theirs"/>'
        (folder / "scenario.xml").write_text(
            f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="test">\n{steps}\n</scenario>\n'
        )
        self._process = PeerProcess("sipp", "sip-tester", folder)

    def start(self) -> None:
        """Raises PeerError when it is not installed or does not begin."""
        options = (
            "-sf",
            "scenario.xml",
            "-i",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-m",
            "1",
            "-nostdin",
            "-timeout",
            "90",
            "-trace_err",
            "-trace_msg",
        )
        # Its messages are for whoever looks for what went wrong.
        options = (*options, "-trace_msg")
        own = ("-l", "1", "-r", "1", self._calls) if self._calls else ()
        self._process.start(*options, *own, ready=lambda: self._listens() or bool(self._calls))

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
