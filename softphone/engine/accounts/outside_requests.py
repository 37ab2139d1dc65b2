"""Requests outside of any dialog, such as SUBSCRIBE and PUBLISH: sent by an account, with credentials where they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pjsua2 as pj

from softphone.engine.accounts.digest import credentials

if TYPE_CHECKING:
    from softphone.engine.accounts.account import PhoneAccount

Answered = Callable[[int, str], None]
"""Final status (408 also where nothing came), and the response, or empty."""
Headers = Sequence[tuple[str, str]]
NO_ANSWER = 503
CHALLENGES = 2
"""401 and 407 that are answered: one of a proxy, one of the server behind it; or a nonce that was too old."""


@dataclass(frozen=True)
class _Pending:
    account: PhoneAccount
    method: str
    target: str
    headers: Headers
    body: tuple[str, str]
    answered: Answered
    credentials: tuple[tuple[str, str], ...]
    tries: int


class OutsideRequests:
    """Main thread only. PJSUA2 answers no challenge to such a request, so it is done here."""

    def __init__(self) -> None:
        self._pending: dict[int, tuple[pj.SipHeader, _Pending]] = {}

    def send(
        self, account: PhoneAccount, method: str, target: str, headers: Headers, answered: Answered, body: tuple[str, str] = ("", "")
    ) -> None:
        """body: content type and text. `answered` is called once, from the main loop. Raises pj.Error when nothing can be sent."""
        self._send(_Pending(account, method, target, headers, body, answered, (), CHALLENGES))

    def forget(self, account: PhoneAccount) -> None:
        """Of an account that goes no answer counts any more, and nothing here keeps it."""
        for token in [token for token, (_, request) in self._pending.items() if request.account is account]:
            self._pending.pop(token)[1].answered(NO_ANSWER, "")

    def take(self, prm: pj.OnSendRequestParam) -> bool:
        """PJSUA2's word of a transaction that is over; False when it is none of these."""
        token = int(prm.userData) if prm.userData else 0
        found = self._pending.pop(token, None)
        if found is None:
            return False
        state = prm.e.body.tsxState
        response = state.src.rdata.wholeMsg if state.type == pj.PJSIP_EVENT_RX_MSG else ""
        self._answer(found[1], int(state.tsx.statusCode), response)
        return True

    def _send(self, request: _Pending) -> None:
        parameters = pj.SendRequestParam()
        parameters.method = request.method
        parameters.txOption.targetUri = request.target
        parameters.txOption.contentType, parameters.txOption.msgBody = request.body
        for key, value in [*request.headers, *request.credentials]:
            header = pj.SipHeader()
            header.hName, header.hValue = key, value
            parameters.txOption.headers.append(header)
        # PJSUA2 gives back the pointer that it was given: any that lives as long as the request.
        token = pj.SipHeader()
        parameters.userData = token.this
        number = int(token.this)
        self._pending[number] = (token, request)
        try:
            request.account.sendRequest(parameters)
        except pj.Error:
            self._pending.pop(number, None)
            raise

    def _answer(self, request: _Pending, code: int, response: str) -> None:
        settings = request.account.settings
        if code in (401, 407) and request.tries and not request.account.leaving:
            header = credentials(response, request.method, request.target, settings.user, settings.password, settings.realm)
            if header is not None:
                kept = tuple(other for other in request.credentials if other[0] != header[0])
                again = _Pending(
                    request.account,
                    request.method,
                    request.target,
                    request.headers,
                    request.body,
                    request.answered,
                    (*kept, header),
                    request.tries - 1,
                )
                try:
                    self._send(again)
                    return
                except pj.Error:
                    code = NO_ANSWER
        request.answered(code, response)
