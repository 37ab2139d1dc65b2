"""What commands and status need of the engine."""

from __future__ import annotations

from typing import Literal, Protocol

from softphone.engine.accounts.account import AccountSettings, PhoneAccount
from softphone.engine.accounts.message_waiting import MessageWaitingService
from softphone.engine.accounts.messages import Messages
from softphone.engine.calls.active_calls import ActiveCalls
from softphone.engine.calls.call import PhoneCall
from softphone.engine.calls.incoming import IncomingCalls, RulesFor
from softphone.engine.calls.media.transcript import Transcripts
from softphone.engine.codecs.offered import PhoneCodecs
from softphone.engine.history_writer import HistoryWriter
from softphone.engine.lifetime import Lifetime
from softphone.engine.phv.worker import CodecWorker
from softphone.engine.pjsip.endpoint import PhoneEndpoint
from softphone.engine.presence.service import PresenceService
from softphone.engine.sip.trace import SipTrace
from softphone.engine.sound.devices import Sound
from softphone.engine.sound.self_test import SoundTest


class Phone(Protocol):
    """The parts of a phone that can be asked for or told something. Main thread only."""

    lifetime: Lifetime
    accounts: dict[str, PhoneAccount]
    calls: dict[int, PhoneCall]
    active_calls: ActiveCalls
    incoming_calls: IncomingCalls
    codecs: PhoneCodecs
    endpoint: PhoneEndpoint
    history: HistoryWriter
    mailboxes: MessageWaitingService
    messages: Messages
    presence: PresenceService
    sip_trace: SipTrace
    sound: Sound
    sound_test: SoundTest
    transcripts: Transcripts
    worker: CodecWorker
    contact_rules: RulesFor

    def add_account(self, settings: AccountSettings) -> PhoneAccount:
        """Make or replace an account. Raises AccountError."""

    def new_call(self, account: PhoneAccount, direction: Literal["incoming", "outgoing"]) -> PhoneCall:
        """A call object with a new number. Raises CallGateError if there is no room for an outgoing call."""
