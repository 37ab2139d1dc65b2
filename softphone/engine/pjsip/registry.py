"""The codecs that are installed, by name."""

from collections.abc import Iterable, Iterator

from softphone.codecs.implementation import CodecDescriptor
from softphone.engine.pjsip.errors import CodecSetupError


class CodecRegistry:
    """Descriptors by encoding name, in the order in which they are offered."""

    def __init__(self, descriptors: Iterable[CodecDescriptor] = ()) -> None:
        self._by_name: dict[str, CodecDescriptor] = {}
        for descriptor in descriptors:
            self.add(descriptor)

    def add(self, descriptor: CodecDescriptor) -> None:
        name = descriptor.encoding_name.lower()
        if name in self._by_name:
            raise CodecSetupError(f"The codec {descriptor.encoding_name} is registered twice; give each codec a name of its own.")
        self._by_name[name] = descriptor

    def get(self, encoding_name: str) -> CodecDescriptor | None:
        """The codec of that name, in any case (RFC 8866 section 6.6). Rate and channels are left out on purpose: PJSIP asks for Opus with
        the negotiated ones, not with those of the rtpmap."""
        return self._by_name.get(encoding_name.lower())

    def __iter__(self) -> Iterator[CodecDescriptor]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)
