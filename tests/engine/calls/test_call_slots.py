"""A slot of PJSUA belongs to the call that has it; a call that is over leaves the next one in its slot alone."""

import os
import signal
import socket

from softphone.control.protocol import CallState, Status
from softphone.engine.limits import MAX_CALLS
from tests.fuzzing.sip_talk import Dialog
from tests.phones.phone import MakePhone


def test_a_call_that_comes_as_another_ends_rings_and_ends_by_itself(make_phone: MakePhone) -> None:
    phone = make_phone("phone", codecs=("PCMU",))
    engine = phone.client.request(Status()).pid
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        address = ("127.0.0.1", int(phone.uri.rpartition(":")[2]))
        dialogs = [Dialog(number, stranger.getsockname()[1], 4000, f"sip:x@127.0.0.1:{address[1]}") for number in range(MAX_CALLS + 1)]
        first, *others, last = dialogs
        stranger.sendto(first.request("INVITE", sdp=True), address)
        phone.wait_state(1, "early")
        for number, dialog in enumerate(others, 2):
            stranger.sendto(dialog.request("INVITE", sdp=True), address)
            phone.wait_state(number, "early")
            stranger.sendto(dialog.request("CANCEL"), address)
            phone.wait_state(number, "disconnected")
        os.kill(engine, signal.SIGSTOP)  # so that both come at once
        stranger.sendto(first.request("CANCEL"), address)
        stranger.sendto(last.request("INVITE", sdp=True), address)
        os.kill(engine, signal.SIGCONT)
        newest = MAX_CALLS + 1
        phone.wait_state(1, "disconnected")
        told = phone.wait(CallState, lambda event: event.call == newest and event.state in ("early", "disconnected"))
        assert told.state == "early"
        assert [call.call for call in phone.client.request(Status()).calls] == [newest]
        stranger.sendto(last.request("CANCEL"), address)
        phone.wait_state(newest, "disconnected")
