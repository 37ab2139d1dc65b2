"""What a decoder does with the extensions of packets. Unknown types are ignored."""

from codec.speak import comfort_noise
from codec.speak.comfort_noise import ComfortNoise
from codec.voice import memory as voice_memory
from codec.voice import receipt as voice_receipt
from codec.voice import residual as voice_residual
from codec.voice.memory import MemoryReceiver
from codec.voice.receipt import VoiceReceipt
from codec.voice.residual import ResidualCode, ResidualReceiver
from codec.wire import link_report
from codec.wire.link_report import LinkReport
from codec.wire.packet import Packet


class ReceivedExtensions:
    """One direction of one call. receipt: the newest report of what the far end has of our voice, and how many came; residual: of its
    voice, None if this end has no basis for it."""

    def __init__(self, code: ResidualCode | None = None) -> None:
        self.noise = ComfortNoise()
        self.memory = MemoryReceiver()
        self.residual = None if code is None else ResidualReceiver(code)
        self.receipt: VoiceReceipt | None = None
        self.receipts = 0
        self.report: LinkReport | None = None
        self.reports = 0

    def receive(self, packet: Packet) -> None:
        """Take what came with a packet."""
        if any(packet.groups) or packet.end:  # a keep-alive each 15 s would be heard as a burst of noise
            self.noise.packet_came()
        for extension in packet.extensions:
            if extension.type == comfort_noise.TYPE:
                self.noise.packet_came()
                self.noise.receive(extension.data)
            elif extension.type == link_report.TYPE and (report := LinkReport.read(extension.data)) is not None:
                self.report, self.reports = report, self.reports + 1
            elif extension.type == voice_residual.TYPE and self.residual is not None:
                self.residual.receive(extension.data)
            elif extension.type == voice_memory.TYPE:
                self.memory.receive(extension.data)
            elif extension.type == voice_receipt.TYPE and (receipt := VoiceReceipt.read(extension.data)) is not None:
                self.receipt, self.receipts = receipt, self.receipts + 1
