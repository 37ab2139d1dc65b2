"""PJSUA2 alone as a phone, with nothing of ours: what the library itself takes for a call. `python -m softphone.bench.compare.plain_pjsua`.

Lines on stdin: "call URI", "hangup"; the end of stdin ends it. Lines on stdout: "ready URI", "confirmed", "disconnected". Takes all calls.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys

import pjsua2 as pj

TURN_MS = 2
CODEC = "PCMU/8000/1"


class PlainCall(pj.Call):  # type: ignore[misc]
    """Silent; over when PJSUA says so."""

    def __init__(self, account: PlainAccount, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self.over = False

    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        state = self.getInfo().state
        if state == pj.PJSIP_INV_STATE_CONFIRMED:
            _say("confirmed")
        elif state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.over = True
            _say("disconnected")


class PlainAccount(pj.Account):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[PlainCall] = []

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        call = PlainCall(self, prm.callId)
        self.calls.append(call)
        answer = pj.CallOpParam(True)
        answer.statusCode = pj.PJSIP_SC_OK
        call.answer(answer)

    def forget(self) -> None:
        """Calls that are over, on the main thread and in no callback."""
        self.calls = [call for call in self.calls if not call.over]


def main() -> int:
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.logConfig.level = config.logConfig.consoleLevel = 0
    endpoint.libInit(config)
    endpoint.audDevManager().setNullDev()
    transport = pj.TransportConfig()
    transport.boundAddress = "127.0.0.1"
    number = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    for codec in endpoint.codecEnum2():
        endpoint.codecSetPriority(codec.codecId, 255 if codec.codecId == CODEC else 0)
    endpoint.libStart()
    settings = pj.AccountConfig()
    settings.idUri = f"sip:plain@{endpoint.transportGetInfo(number).localName}"
    settings.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    settings.mediaConfig.transportConfig.port = 0
    account = PlainAccount()
    account.create(settings)
    _say(f"ready {settings.idUri}")
    pending = b""
    while True:
        endpoint.libHandleEvents(TURN_MS)
        account.forget()
        if select.select([0], [], [], 0)[0]:
            chunk = os.read(0, 65536)
            if not chunk:
                break
            pending += chunk
            *lines, pending = pending.split(b"\n")
            for line in lines:
                _do(line.decode(), account)
    for _ in range(100):
        endpoint.hangupAllCalls()
        endpoint.libHandleEvents(TURN_MS)
        account.forget()
        if not account.calls:
            break
    account.shutdown()
    endpoint.libDestroy()
    return 0


def _do(command: str, account: PlainAccount) -> None:
    word, _, uri = command.partition(" ")
    if word == "call":
        call = PlainCall(account)
        account.calls.append(call)
        call.makeCall(uri, pj.CallOpParam(True))
    elif word == "hangup":
        for call in account.calls:
            with contextlib.suppress(pj.Error):
                call.hangup(pj.CallOpParam())


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Python would destroy PJSUA2's objects after the library.
    os._exit(code)
