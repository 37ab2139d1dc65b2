"""kamailio as registrar and proxy for two phones on loopback, to be killed and started again."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from softphone.bench.ports import free_port
from softphone.errors import SoftphoneError

DOMAIN = "soak.test"
NEEDED = "kamailio is not installed (apt-get install kamailio)"
_PATH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
_START_S = 20.0
_CONFIG = """#!KAMAILIO
debug=0
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
alias="{domain}"
listen=udp:127.0.0.1:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", 10)
request_route {{
    if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ if (!t_relay()) sl_reply_error(); }}
        else if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); }}
        else sl_send_reply("404", "Not Here");
        exit;
    }}
    t_check_trans();
    if (is_method("REGISTER")) {{ if (!save("location")) sl_reply_error(); exit; }}
    if (is_method("INVITE")) record_route();
    if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    if (!t_relay()) sl_reply_error();
}}
"""


class RegistrarError(SoftphoneError):
    """kamailio does not start."""


def program() -> str | None:
    """Where kamailio is."""
    return shutil.which("kamailio", path=_PATH)


class Registrar:
    """Locations live in its memory: after it was killed and started it knows nobody. Takes everybody at their word. A context manager."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        self._folder = folder
        self._config = folder / "kamailio.cfg"
        self._config.write_text(_CONFIG.format(domain=DOMAIN, port=self.port))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def proxy(self) -> str:
        return f"sip:127.0.0.1:{self.port};lr"

    def __enter__(self) -> "Registrar":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Returns when it answers. Raises RegistrarError."""
        found = program()
        if found is None:
            raise RegistrarError(NEEDED)
        place = ["-Y", str(self._folder), "-w", str(self._folder), "-f", str(self._config)]
        command = [found, "-DD", "-E", "-m", "32", "-M", "8", *place]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                words = (self._folder / "log").read_text(errors="replace")[-300:]
                self.kill()
                raise RegistrarError(f"kamailio does not answer: {words}")

    def kill(self) -> None:
        """Kill it without any notice."""
        if self._process is None:
            return
        # Its children are in the session that it began.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _answers(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            udp.settimeout(0.2)
            own = udp.getsockname()[1]
            request = (
                f"OPTIONS sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK{time.monotonic_ns()};rport\r\n"
                f"Max-Forwards: 5\r\nFrom: <sip:x@{DOMAIN}>;tag=x\r\nTo: <sip:{DOMAIN}>\r\nCall-ID: {time.monotonic_ns()}\r\n"
                "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            )
            with contextlib.suppress(OSError):
                udp.sendto(request.encode(), ("127.0.0.1", self.port))
                return udp.recv(2000).startswith(b"SIP/2.0 ")
        time.sleep(0.05)
        return False
