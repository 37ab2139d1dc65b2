"""What a decoder does with the extensions of packets; types that it does not know are passed over."""

from codec import comfort_noise, link_report
from codec.comfort_noise import ComfortNoise
from codec.link_report import LinkReport
from codec.payload import Packet


class ReceivedExtensions:
    """One direction of one call."""

    def __init__(self) -> None:
        self.noise = ComfortNoise()
        self.report: LinkReport | None = None
        self.reports = 0

    def receive(self, packet: Packet) -> None:
        """Take what came with a packet."""
        self.noise.packet_came()
        for extension in packet.extensions:
            if extension.type == comfort_noise.TYPE:
                self.noise.receive(extension.data)
            elif extension.type == link_report.TYPE and (report := LinkReport.read(extension.data)) is not None:
                self.report, self.reports = report, self.reports + 1
