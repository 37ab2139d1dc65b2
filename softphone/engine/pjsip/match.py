"""Whether a peer's fmtp fits ours, asked by PJSIP's SDP negotiator (`pjmedia_sdp_neg_register_fmt_match_cb`).

PJSIP compares only name, clock rate and channels. With a matcher, a payload type whose parameters do not fit is no match, and
negotiation goes on to the next codec of the list.
The rules are `fits` of each codec in `softphone/codecs/`; a line that cannot be parsed does not match.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from softphone.codecs.codec import Parameters
from softphone.codecs.fmtp import MAX_LINE, FmtpError, parse_fmtp
from softphone.engine.pjsip.abi import Abi
from softphone.engine.pjsip.errors import CodecSetupError
from softphone.engine.pjsip.status_codes import PJ_SUCCESS, PJMEDIA_SDP_EFORMATNOTEQUAL

log = logging.getLogger(__name__)
_ANSWERING = 1
"""PJMEDIA_SDP_NEG_FMT_MATCH_ALLOW_MODIFY_ANSWER: set while an answer is made from an offer."""


@dataclass(frozen=True)
class FormatMatcher:
    """Decides for one encoding name. `fits(ours, theirs)` gets both parsed lines; it may raise FmtpError, which means no."""

    encoding_name: str
    fits: Callable[[Parameters, Parameters], bool]
    takes_offer: Callable[[Parameters], bool] = lambda _offered: True
    """Whether an offer with these parameters, which fit, may be accepted now."""


class FormatMatch:
    """Registers matchers with PJSIP's negotiator, process-wide, one per encoding name."""

    def __init__(self, abi: Abi, matchers: Sequence[FormatMatcher]) -> None:
        self._abi = abi
        self._registered: list[tuple[Any, Any]] = []
        self._entries = [self._entry(matcher) for matcher in matchers]

    def register(self) -> None:
        """Raises CodecSetupError when PJSIP refuses, as it does for a second matcher of the same name."""
        for name, callback, encoding_name in self._entries:
            status = self._abi.lib.pjmedia_sdp_neg_register_fmt_match_cb(name, callback)
            if status != PJ_SUCCESS:
                self.unregister()
                raise CodecSetupError(f"PJSIP refused the fmtp matcher of {encoding_name} with status {status}; is there one already?")
            self._registered.append((name, callback))

    def unregister(self) -> None:
        for name, _callback in self._registered:
            self._abi.lib.pjmedia_sdp_neg_register_fmt_match_cb(name, self._abi.ffi.NULL)
        self._registered.clear()

    def _entry(self, matcher: FormatMatcher) -> tuple[Any, Any, str]:
        ffi = self._abi.ffi

        def match(_pool: Any, offer: Any, offer_index: int, answer: Any, answer_index: int, option: int) -> int:
            try:
                offered = self._parameters(offer, offer_index)
                fits = matcher.fits(offered, self._parameters(answer, answer_index))
                fits = fits and (not option & _ANSWERING or matcher.takes_offer(offered))
            except FmtpError as error:
                log.info("fmtp of %s does not match: %s", matcher.encoding_name, error)
                fits = False
            except BaseException:  # nothing may unwind through C frames
                log.exception("the fmtp matcher of %s failed; the format counts as not matching", matcher.encoding_name)
                fits = False
            return PJ_SUCCESS if fits else PJMEDIA_SDP_EFORMATNOTEQUAL

        raw = matcher.encoding_name.encode("ascii")
        text = ffi.new("char[]", raw)
        name = ffi.new("pj_str_t *", {"ptr": text, "slen": len(raw)})
        callback = ffi.callback("pjmedia_sdp_neg_fmt_match_cb", match, error=PJMEDIA_SDP_EFORMATNOTEQUAL)
        self._texts = [*getattr(self, "_texts", []), text]
        return name, callback, matcher.encoding_name

    def _parameters(self, media: Any, index: int) -> dict[str, str]:
        if index >= min(media.fmt_count, 32):
            raise FmtpError("PJSIP asked for a format that the media line does not have.")
        attribute = self._abi.lib.pjmedia_sdp_media_find_attr2(media, b"fmtp", self._abi.ffi.addressof(media.fmt, index))
        if attribute == self._abi.ffi.NULL:
            return {}
        if attribute.value.slen > MAX_LINE:
            raise FmtpError(f"The fmtp line has {attribute.value.slen} characters; at most {MAX_LINE} are accepted.")
        _payload_type, _, text = self._abi.text(attribute.value, MAX_LINE).partition(" ")
        return parse_fmtp(text)
