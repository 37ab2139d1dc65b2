"""What a decoder does with the extensions of packets; types that it does not know are passed over."""

from codec import comfort_noise, link_report, voice_memory, voice_receipt, voice_residual
from codec.comfort_noise import ComfortNoise
from codec.link_report import LinkReport
from codec.payload import Packet
from codec.voice_memory import MemoryReceiver
from codec.voice_receipt import VoiceReceipt
from codec.voice_residual import ResidualCode, ResidualReceiver


class ReceivedExtensions:
    """One direction of one call. receipt: what the far end has of our voice, newest, and how many it told; residual: of its voice, None
    where this end has no basis for it."""

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
        if any(packet.groups) or packet.end:  # others hold a way open, and one each 15 s would be heard as a puff of noise
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
