"""RTCP that waits and RTCP that is thinned, with a transport of PJMEDIA's shape and no network."""

from cffi import FFI

from softphone.engine.pjsip.transport.rtcp_gate import _DECLARATIONS, RtcpGate


class Transport:
    """A pjmedia_transport of type UDP whose functions count."""

    def __init__(self, kind: int = 0) -> None:
        self._ffi = ffi = FFI()
        ffi.cdef(_DECLARATIONS)
        self.sent = 0
        self._first = ffi.callback("int(pjmedia_transport *, const void *, size_t)", self._send)
        self._second = ffi.callback("int(pjmedia_transport *, const void *, unsigned, const void *, size_t)", self._send_to)
        self._table = ffi.new("pjmedia_transport_op *")
        self._table.send_rtcp, self._table.send_rtcp2 = self._first, self._second
        self._held = ffi.new("pjmedia_transport *")
        self._held.type, self._held.op = kind, self._table
        self.address = int(ffi.cast("uintptr_t", self._held))

    def _send(self, _transport: object, _packet: object, _size: int) -> int:
        self.sent += 1
        return 0

    def _send_to(self, _transport: object, _address: object, _length: int, _packet: object, _size: int) -> int:
        self.sent += 1
        return 0

    def report(self) -> None:
        null = self._ffi.NULL
        assert self._held.op.send_rtcp2(self._held, null, 0, null, 0) == 0


def test_nothing_goes_before_the_gate_is_opened() -> None:
    transport, gate = Transport(), RtcpGate()
    assert gate.shut(transport.address)
    transport.report()
    assert transport.sent == 0
    gate.open(transport.address)
    transport.report()
    assert transport.sent == 1


def test_reports_keep_their_pace_until_the_call_is_over() -> None:
    now = 0.0
    transport, gate = Transport(), RtcpGate(lambda: now)
    gate.shut(transport.address)
    gate.pace(transport.address, 14)
    gate.open(transport.address)
    for _ in range(13):
        transport.report()
        now += 5
    assert transport.sent == 5
    gate.pace(transport.address, 0)
    transport.report()
    transport.report()
    assert transport.sent == 7
    gate.pace(transport.address, 14)
    gate.forget(transport.address)
    transport.report()
    transport.report()
    assert transport.sent == 9


def test_a_transport_of_another_kind_is_left_alone() -> None:
    transport, gate = Transport(kind=7), RtcpGate()
    assert not gate.shut(transport.address)
    transport.report()
    assert transport.sent == 1


def test_a_report_that_meets_the_end_of_its_call_is_sent_and_leaves_no_pace_behind() -> None:
    transport = Transport()

    def clock() -> float:
        gate.forget(transport.address)  # as the main thread may, between two looks
        return 0.0

    gate = RtcpGate(clock)
    gate.shut(transport.address)
    gate.pace(transport.address, 14)
    gate.open(transport.address)
    for _ in range(3):
        transport.report()
    assert transport.sent == 3
