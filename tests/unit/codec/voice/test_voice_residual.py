import numpy as np
import pytest
import torch

from codec.received_extensions import ReceivedExtensions
from codec.speak.shift import WIDTH
from codec.voice.receipt import ReceiptWriter, VoiceReceipt
from codec.voice.repeats import Repeats
from codec.voice.residual import PIECE_BYTES, TYPE, ResidualCode, ResidualPiece, ResidualReceiver, ResidualSender
from codec.wire.packet import Extension, Packet
from tests.scripted_speech import _shared

SIZE = 32
COORDINATES = np.linspace(-2, 2, SIZE).astype(np.float32)


@pytest.fixture(scope="module")
def code() -> ResidualCode:
    shipped = _shared()["voice_residual"]
    assert isinstance(shipped, ResidualCode)
    return shipped


def sent(sender: ResidualSender, seconds: float, start: float = 0.0) -> list[ResidualPiece]:
    return [piece for tick in range(int(seconds / 0.16)) if (piece := sender.next_piece(start + tick * 0.16))]


def test_coordinates_arrive_to_half_a_step(code: ResidualCode) -> None:
    pieces = code.encode(COORDINATES)
    assert [len(piece) for piece in pieces] == [PIECE_BYTES] * code.pieces
    assert np.abs(code.decode(dict(enumerate(pieces))) - COORDINATES).max() <= 0.21
    assert not code.decode({}).any()
    assert np.array_equal(code.decode({0: pieces[0]})[:8], code.decode(dict(enumerate(pieces)))[:8])


def test_a_piece_is_read_as_it_was_written() -> None:
    piece = ResidualPiece(0xAB, 3, 5, 2, b"\x12\x34\x56\x78")
    assert ResidualPiece.read(piece.extension().data) == piece
    assert ResidualPiece.read(piece.extension().data + b"later") == piece
    assert ResidualPiece.read(b"\xab") is None


def test_a_shift_is_linear_and_none_without_coordinates(code: ResidualCode) -> None:
    one, two = code.shift(torch.ones(SIZE)), code.shift(2 * torch.ones(SIZE))
    assert torch.allclose(2 * one.bands, two.bands, atol=1e-5)
    assert sum(part.numel() for part in one) == WIDTH


def test_everything_arrives_although_most_is_lost(code: ResidualCode) -> None:
    sender, receiver, rng = ResidualSender(code), ResidualReceiver(code), np.random.default_rng(1)
    sender.update(COORDINATES)
    for start in range(0, 400, 2):
        for piece in sent(sender, 2, start):
            if rng.random() < 0.3:
                receiver.receive(piece.extension().data)
        if rng.random() < 0.3:
            speaker, version, held = receiver.progress
            sender.acknowledge(VoiceReceipt(speaker=speaker, residual_version=version, residual_pieces=held))
    assert np.array_equal(receiver.coordinates, sender.coordinates)
    assert not sent(sender, 60, 400)  # and then nothing more is sent


def test_an_update_takes_the_place_of_what_was(code: ResidualCode) -> None:
    sender, receiver = ResidualSender(code), ResidualReceiver(code)
    for coordinates in (COORDINATES, -COORDINATES):
        sender.update(coordinates)
        for piece in sent(sender, 20):
            receiver.receive(piece.extension().data)
    assert np.array_equal(receiver.coordinates, sender.coordinates)
    assert receiver.coordinates[0] > 0


def test_another_speaker_is_not_given_the_voice_of_the_one_before(code: ResidualCode) -> None:
    sender, receiver = ResidualSender(code), ResidualReceiver(code)
    sender.update(COORDINATES)
    for piece in sent(sender, 20):
        receiver.receive(piece.extension().data)
    sender.reset_speaker()
    receiver.receive(sent(sender, 20, 20)[0].extension().data)
    assert not receiver.coordinates.any()


def test_a_piece_for_another_basis_is_passed_over(code: ResidualCode) -> None:
    receiver = ResidualReceiver(code)
    receiver.receive(ResidualPiece((code.basis + 1) % 256, 0, 1, 0, b"\xff" * 4).extension().data)
    receiver.receive(ResidualPiece(code.basis, 0, 1, 7, b"\xff" * 4).extension().data)
    assert not receiver.coordinates.any()
    assert receiver.progress == (0, 0, 0)


def test_odd_extensions_harm_nothing(code: ResidualCode) -> None:
    received, rng = ReceivedExtensions(code), np.random.default_rng(2)
    for _ in range(2000):
        data = bytes(rng.integers(0, 256, rng.integers(0, 12), dtype=np.uint8))
        received.receive(Packet(0, ((),), extensions=(Extension(int(rng.integers(3, 5)), bytes([code.basis]) + data),)))
    assert received.residual is not None
    assert np.abs(received.residual.coordinates).max() <= 3.3


def test_a_receipt_is_read_as_it_was_written() -> None:
    receipt = VoiceReceipt(7, 0b10000001, 2, 5, 0b101)
    assert VoiceReceipt.read(receipt.extension().data) == receipt
    assert VoiceReceipt.read(b"\0\0") is None
    assert receipt.extension().type != TYPE


def test_receipts_are_rare_and_never_cease() -> None:
    writer, held = ReceiptWriter(), VoiceReceipt(pieces=1)
    assert writer.due(0, VoiceReceipt()) is None
    told = [second for second in range(200) if writer.due(second, held)]
    assert told[0] == 0
    assert 8 <= len(told) <= 16
    assert writer.due(1000, VoiceReceipt(pieces=3))


def test_what_arrived_is_not_repeated_and_what_a_latecomer_misses_is() -> None:
    repeats = Repeats(urgent=1)
    repeats.begin(4, urgent=True)
    assert [repeats.next(second) for second in range(0, 20, 2)][:4] == [0, 1, 2, 3]
    repeats.acknowledge(0b1011)
    assert {repeats.next(second) for second in range(100, 200)} == {2, None}
    repeats.acknowledge(0b1111)
    assert repeats.next(300) is None
    repeats.acknowledge(0)  # a worker over there that was restarted
    assert {repeats.next(second) for second in range(400, 500)} == {0, 1, 2, 3, None}
