"""The engine: everything that touches PJSIP, on one thread, one turn at a time."""

from __future__ import annotations

import gc
import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import pjsua2 as pj

from softphone import __version__, paths
from softphone.config import Config
from softphone.control.protocol import (
    AnyCommand,
    CallState,
    ControlError,
    Event,
    Failure,
    Hangup,
    Log,
    Reply,
    Say,
    SoundDevice,
    Worker,
    reply_with,
)
from softphone.control.protocol import Engine as EngineEvent
from softphone.engine.accounts.account import LOCAL, AccountError, AccountSettings, PhoneAccount
from softphone.engine.accounts.address_watch import AddressWatch
from softphone.engine.accounts.addressing import Addressing
from softphone.engine.accounts.message_waiting import MessageWaitingService
from softphone.engine.accounts.messages import MessageGuard, Messages
from softphone.engine.accounts.outside_requests import OutsideRequests
from softphone.engine.calls import slots
from softphone.engine.calls.active_calls import ActiveCalls
from softphone.engine.calls.admission.call_gate import CallGate
from softphone.engine.calls.call import PhoneCall
from softphone.engine.calls.environment import CallEnvironment
from softphone.engine.calls.incoming import ContactRules, IncomingCalls, RulesFor
from softphone.engine.calls.media.dtmf_info import InfoKeys
from softphone.engine.calls.media.recording_notice import RecordingNotice
from softphone.engine.calls.media.transcript import Transcripts
from softphone.engine.calls.media.typed_speech import TypedSpeech
from softphone.engine.codecs.offered import PhoneCodecs
from softphone.engine.commands import Commands
from softphone.engine.history_writer import HistoryWriter
from softphone.engine.hooks import HookRunner
from softphone.engine.lifetime import Lifetime
from softphone.engine.live import LiveEvents
from softphone.engine.phv.voice_keeper import VoiceKeeper, voices_refused
from softphone.engine.phv.worker import CodecWorker, WorkerCommand
from softphone.engine.pjsip.endpoint import PhoneEndpoint
from softphone.engine.pjsip.transport.rtcp_gate import RtcpGate
from softphone.engine.pjsip.transport.security import CRYPTO_SUITES
from softphone.engine.presence.service import PresenceEnvironment, PresenceService
from softphone.engine.schedule import Schedule
from softphone.engine.sdp.acceptable import Ability
from softphone.engine.server import ControlServer
from softphone.engine.sip.blame import Blame
from softphone.engine.sip.compact import CompactSip
from softphone.engine.sip.parsed import validation
from softphone.engine.sip.parsed.module import SipModule, set_t1
from softphone.engine.sip.parsed.sdp_gate import SdpGate
from softphone.engine.sip.refusal_notices import RefusalNotices
from softphone.engine.sip.trace import SipTrace
from softphone.engine.sound.alerts import Alerts
from softphone.engine.sound.devices import open_sound
from softphone.engine.sound.self_test import SoundTest
from softphone.engine.standing import StandingCommands
from softphone.errors import SoftphoneError

MAX_ACCOUNTS = 8
"""The wheel is built with PJSUA_MAX_ACC 8, and PJSIP aborts at a ninth."""
TURN_MS = 10
"""Longest wait in one turn of the main loop, and so the delay of a command."""
COLLECT_S = 30.0
GOODBYE_S = 2.0
STUCK_S = 15.0
log = logging.getLogger(__name__)


class Engine:
    """Builds the phone from its configuration and runs it. Raises SoftphoneError when it cannot start."""

    endpoint: PhoneEndpoint
    history: HistoryWriter

    def __init__(
        self,
        config: Config,
        socket_path: Path,
        *,
        lifeline: int | None = None,
        worker_command: WorkerCommand | None = None,
        contact_rules: RulesFor | None = None,
        config_file: Path | None = None,
        standing: StandingCommands | None = None,
        calls_before: int = 0,
    ) -> None:
        self.config = config
        self.accounts: dict[str, PhoneAccount] = {}
        self.calls: dict[int, PhoneCall] = {}
        self.lifetime = Lifetime(supervised=lifeline is not None)
        self.active_calls = ActiveCalls(self.calls)
        self.incoming_calls = IncomingCalls(self, config.calls.ring_seconds, config.calls.auto_answer_seconds)
        self.schedule = Schedule()
        self.address_watch = AddressWatch(self._moved) if config.network.bind == "0.0.0.0" else None
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._numbers = calls_before
        self._standing = standing or StandingCommands(None)
        self._addressing = Addressing(self.accounts, config.network.transport, self._is_sip_uri, config.numbers)
        self._commands = Commands(self, self._addressing)
        self.messages = Messages(self.publish)
        self.sip_trace = SipTrace()
        self.mailboxes = MessageWaitingService(self.accounts, self.publish, self.schedule.later, lambda: self.endpoint.address)
        self.requests = OutsideRequests()
        self.presence = PresenceService(
            config.presence,
            PresenceEnvironment(
                accounts=self.accounts,
                calls=self.calls,
                requests=self.requests,
                publish=self.publish,
                account_for=self._addressing.account_for,
                own_address=lambda: self.endpoint.address,
                contacts=lambda: self.history.contacts,
                is_contact=lambda sender: self.contact_rules(sender) is not None,
                do_not_disturb=lambda: self.incoming_calls.do_not_disturb,
            ),
        )
        guard = MessageGuard(self.publish)
        # A STUN or TURN server must be asked first, which delays the answer.
        self._compact_sip = CompactSip(set_t1, answers_at_once=not (config.network.with_ice or config.network.stun))
        self._rtcp_gate = RtcpGate()
        self.call_gate = CallGate(self.publish)
        self.blame = Blame(paths.data_dir(), str(socket_path.absolute()))
        self._refusals = RefusalNotices(self.publish)
        self._info_keys = InfoKeys(self.call_gate.call_in, self.publish)
        self._sip = SipModule(
            self._sip_passed,
            lambda request: (
                validation.refuse(request)
                or self.call_gate.refuse(request)
                or self.mailboxes.take(request)
                or self.presence.take(request)
                or guard.refuse(request)
                or self._info_keys.take(request)
                or validation.stray(request)
            ),
            self._compact_sip.sent,
            SdpGate(self._ability, self.publish, self._missed),
            self.blame.admits,
            self._refusals.tell,
            ice=config.network.ice,
        )
        self.contact_rules: RulesFor = contact_rules or self._stored_rules
        self.server = ControlServer(
            socket_path, self._queue_command, lifeline=lifeline, on_lifeline=lambda: self._jobs.put(self.lifetime.orphaned)
        )
        self.history = HistoryWriter(self.server.publish, keep=config.privacy.history)
        secret = {account.password_env for _, account in config.named_accounts().values()} - {""}
        self.hooks = HookRunner(config.hooks, socket_path.absolute(), self.server.publish, secret)
        self.voices = VoiceKeeper(
            config.privacy.voices, self.calls, self.publish, refused=lambda: voices_refused(config_file), file=config_file
        )
        self.worker = CodecWorker(
            lambda event: self._jobs.put(lambda: self._worker_changed(event)),
            config.phv,
            worker_command or WorkerCommand(threads=config.worker.threads),
        )
        self.typed_speech = TypedSpeech(self.worker, self.calls.get)
        self._recording_notice = RecordingNotice(self.typed_speech, self.publish)
        self.transcripts = Transcripts(config.privacy.transcripts, self._recording_notice, self.typed_speech, self.server.publish)
        self.worker.on_said = lambda said: self._jobs.put(lambda: self.typed_speech.said(said))
        self.endpoint = PhoneEndpoint(config, self._connection_lost)
        self.codecs = PhoneCodecs(self.endpoint, config, self.worker)
        try:
            self.codecs.install_standard()
            self._sip.register()
            self.endpoint.start()
            self.sound = open_sound(self.endpoint, config.audio)
            self.alerts = Alerts(self.sound)
            self.sound.on_change = self._sound_changed
            self.sound_test = SoundTest(self.sound, self._jobs.put)
            self.live = LiveEvents(self.calls, self.server.wants, self.publish, lambda: self.sound_test.running, self.transcripts)
            host = self.endpoint.address.rpartition(":")[0] or "127.0.0.1"
            self.add_account(AccountSettings(LOCAL, f"sip:softphone@{host}"))
            self._add_configured_accounts()
        except BaseException:
            self.server.stop()
            self._destroy()
            raise

    def run(self) -> int:
        """Serve until told to stop; returns the exit status."""
        self.server.start()
        self.history.start()
        self.hooks.start()
        self.voices.start()
        if "x-phv" in self.config.codecs.order:
            self.worker.start()
        self._stand_again()
        self.publish(EngineEvent(state="ready", version=__version__, pid=os.getpid(), reason=f"listening on {self.endpoint.address}"))
        for note in (self.codecs.refusal, self.sound.notes, self._sip.without_hook, self.blame.notice()):
            if note:
                self.publish(Log(level="warning", message=note))
        gc.collect()
        gc.freeze()
        next_tick = next_collection = time.monotonic()
        while not self.lifetime.leaving:
            self.turn()
            now = time.monotonic()
            if now >= next_tick:
                next_tick = max(next_tick + 1, now)
                self._tick()
            if now >= next_collection:
                next_collection = now + COLLECT_S
                # During calls only the young generations: a full collection would block the media clock for too long.
                gc.collect(1 if self.calls else 2)
        self._shut_down()
        return 0

    def _stand_again(self) -> None:
        """Repeat the commands whose settings an earlier engine had."""
        for command in self._standing.earlier():
            try:
                self._commands.obey(command)
            except SoftphoneError as error:
                complaint = Log(level="error", message=f"not set again after the restart: {error}")
                # Front ends are still connecting.
                self.schedule.later(1.0, partial(self.publish, complaint))

    def publish(self, event: Event) -> None:
        """Send an event to all front ends, the history and other consumers. An exception in one of them does not affect the others."""
        followers = (lambda told: self.sip_trace.follow(told, self._call_id)), (lambda told: self.call_gate.follow(told, self._call_id))
        for consumer in (*followers, self.history.take, self.hooks.take, self.voices.take):
            try:
                consumer(event)
            except Exception:
                log.exception("an event %s was not taken", type(event).__name__)
        self.server.publish(event)

    def _sip_passed(self, sent: bool, peer: str, message: bytes) -> None:
        if not sent:
            self._compact_sip.received(message)
        else:
            self.presence.watch.sent(message)
        self.call_gate.passed(sent, message)
        self.sip_trace.passed(sent, peer, message)

    def _ability(self) -> Ability:
        network = self.config.network
        return Ability(
            self.codecs.speaks,
            plain=network.srtp != "mandatory",
            suites=frozenset(CRYPTO_SUITES if network.srtp != "off" else ()),
            ice=network.with_ice,
        )

    def _call_id(self, number: int) -> str:
        try:
            return str(self.calls[number].getInfo().callIdString) if number in self.calls else ""
        except pj.Error:
            return ""

    def turn(self) -> None:
        """One turn of the loop: let PJSIP work, drop what is over, run the queued jobs."""
        self.endpoint.poll(TURN_MS)
        self.blame.done()
        for number in [number for number, call in self.calls.items() if call.over]:
            slots.release(self.calls.pop(number))
        busy = {call.account_name for call in self.calls.values()}
        for name in [name for name, account in self.accounts.items() if account.gone and name not in busy]:
            self._drop_account(name)
        for job in self.schedule.due():
            self._guarded(job)
        self._take_jobs()
        self._guarded(self.active_calls.update)
        for part in (self._recording_notice, self.transcripts, self.alerts):
            self._guarded(partial(part.update, self.calls))
        for call in self.calls.values():
            self._guarded(call.look)
        self._guarded(lambda: self.live.turn(time.monotonic()))

    def _sound_changed(self, event: SoundDevice) -> None:
        self.publish(event)
        for call in self.calls.values():
            self._guarded(call.audio.refresh)

    def _take_jobs(self) -> None:
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            self._guarded(job)

    def defer(self, job: Callable[[], None]) -> None:
        """Run it outside PJSIP's callbacks, in the same turn."""
        self._jobs.put(job)

    def add_account(self, settings: AccountSettings) -> PhoneAccount:
        """Make or replace an account, which then registers. Raises AccountError."""
        self._drop_account(settings.name)
        if len(self.accounts) >= MAX_ACCOUNTS:
            raise AccountError(f"{MAX_ACCOUNTS} accounts are there, the local one counted, and more do not fit; remove one first")
        account = PhoneAccount(
            settings,
            self.config.network,
            self.publish,
            self.incoming_calls.arrive,
            self.messages,
            self.mailboxes,
            self.schedule.later,
            self.requests,
        )
        self.accounts[settings.name] = account
        return account

    def _drop_account(self, name: str) -> None:
        # No reference may survive: the destructor of an old account deletes whichever account has its number by then.
        if name in self.accounts:
            self.accounts[name].leaving = True
            self.requests.forget(self.accounts[name])
            self.accounts.pop(name).shutdown()

    def new_call(self, account: PhoneAccount, direction: Literal["incoming", "outgoing"], call_id: int = pj.PJSUA_INVALID_ID) -> PhoneCall:
        """A call object with a new number. Raises CallGateError if there is no room for an outgoing call."""
        if direction == "outgoing":
            self.call_gate.check_room()
        self._numbers += 1
        environment = CallEnvironment(
            publish=self.publish,
            defer=self._jobs.put,
            schedule=self.schedule,
            negotiated=self.codecs.negotiated,
            claim_stream=self.worker.claim_newest,
            worker_state=lambda: (self.worker.state, self.worker.reason),
            dropped=self.worker.dropped,
            sound=self.sound,
            offers_phv=lambda: "x-phv" in self.codecs.offered,
            interval_ms=self.config.phv.interval_ms,
            max_rate=self.config.phv.max_rate,
            successor=self._successor,
            is_sip_uri=self.endpoint.is_sip_uri,
            rtcp_gate=self._rtcp_gate,
            far_end=self.sip_trace.far_end,
            parties=self.sip_trace.parties,
            link_bps=self.sip_trace.link_bps,
        )
        call = PhoneCall(environment, account, self._numbers, direction, call_id)
        self.calls[call.number] = call
        return call

    def _missed(self, caller: str, called: str, why: str) -> None:
        """A call that was refused before PJSIP knew of it: history and hooks hear of its end alone."""
        account = next((name for name, account in self.accounts.items() if account.settings.uri in called), LOCAL)
        self._numbers += 1
        event = CallState(call=self._numbers, state="disconnected", direction="incoming", account=account, code=488, reason=why)
        event.local, event.remote = called, caller
        self.publish(event)

    def _successor(self, call: PhoneCall, direction: Literal["incoming", "outgoing"]) -> PhoneCall:
        successor = self.new_call(call.account, direction)
        self.active_calls.follow(call, successor)
        return successor

    def _is_sip_uri(self, uri: str) -> bool:
        return self.endpoint.is_sip_uri(uri)

    def _stored_rules(self, remote: str) -> ContactRules | None:
        domains = {account.settings.uri.rpartition("@")[2].lower() for account in self.accounts.values()}
        return self.history.contact_rules(remote, domains)

    def _add_configured_accounts(self) -> None:
        for name, (place, account) in self.config.named_accounts().items():
            self.add_account(AccountSettings.from_config(name, place, account))

    def _queue_command(self, connection: int, command: AnyCommand) -> None:
        self._jobs.put(lambda: self._obey(connection, command))

    def _obey(self, connection: int, command: AnyCommand) -> None:
        try:
            self._commands.check_alive(command, self.lifetime.leaving)
            if isinstance(command, Say):
                self.typed_speech.say(command, self._commands.numbered(command.call), lambda answer: self.server.reply(connection, answer))
                return
            self.history.before_command(command)
            result = self._commands.obey(command)
            self.history.after_command(command, result)
            answer = reply_with(command.id, result)
            self._standing.note(command)
        except SoftphoneError as error:
            code = error.code if isinstance(error, ControlError) else "failed"
            answer = Reply(id=command.id, error=Failure(code=code, message=str(error)))
        except Exception as error:
            log.exception("the command failed")
            answer = Reply(
                id=command.id, error=Failure(code="internal", message=f"the engine failed at this ({type(error).__name__}: {error})")
            )
        self.server.reply(connection, answer)

    def _worker_changed(self, event: Worker) -> None:
        self.publish(event)
        if event.state not in ("ready", "stream_failed"):
            self.typed_speech.worker_gone(event.reason)
        if event.state == "ready" and event.facts is not None:
            refusal = self.codecs.phv_ready(event.facts)
            if refusal:
                self.publish(Log(level="warning", message=refusal))
        elif event.state != "stream_failed":
            self.codecs.worker_away(for_good=event.state in ("unavailable", "stopped"))

    def _guarded(self, job: Callable[[], object]) -> None:
        try:
            job()
        except SoftphoneError as error:
            self.publish(Log(level="error", message=str(error)))
        except Exception as error:
            log.exception("the engine failed at a job")
            self.publish(Log(level="error", message=f"the engine failed at something ({type(error).__name__}: {error}) and goes on"))

    def _turn_until(self, done: Callable[[], bool], limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        while not done() and time.monotonic() < deadline:
            self.turn()

    # Loops over calls and accounts are in separate functions: a leftover loop variable would keep a call past libDestroy().

    def _connection_lost(self, transport: int) -> None:
        self._sip.connection_lost(transport)
        for account in list(self.accounts.values()):
            account.connection_lost(transport)

    def _moved(self, old: str, new: str) -> None:
        self.endpoint.move()
        self.publish(Log(level="info", message=f"this machine has the address {new} in place of {old}; accounts and calls are told"))

    def _tick(self) -> None:
        if self.address_watch is not None:
            self._guarded(self.address_watch.tick)
        self._guarded(lambda: self.sound.check(in_use=bool(self.calls) or self.sound_test.running))
        self.sound_test.tick(bool(self.calls))
        for call in list(self.calls.values()):
            self._guarded(call.tick)
        self._guarded(self.incoming_calls.tick)
        self._guarded(self.presence.tick)
        self._guarded(self.typed_speech.tick)
        self.lifetime.tick(bool(self.calls or self.server.front_ends))

    def _end_calls(self) -> None:
        self._guarded(lambda: self._commands.obey(Hangup()))
        self._turn_until(lambda: not self.calls, GOODBYE_S)
        for left in self.calls.values():
            left.audio.close()
        self.calls.clear()
        for part in (self.typed_speech, self.alerts, self.sound_test, self.sound):
            part.close()

    def _shut_down(self) -> None:
        watchdog = threading.Timer(STUCK_S, os._exit, [3])
        watchdog.daemon = True
        watchdog.start()
        self.publish(EngineEvent(state="stopping", reason=self.lifetime.leaving, version=__version__, pid=os.getpid()))
        self._end_calls()
        self.worker.stop()
        for account in list(self.accounts.values()):
            account.unregister()
        self._turn_until(lambda: not self.accounts, GOODBYE_S)
        self.turn()
        self._destroy()
        for consumer in (self.hooks, self.voices, self.transcripts, self.history):
            consumer.stop()
        self.publish(EngineEvent(state="stopped", reason=self.lifetime.leaving, version=__version__, pid=os.getpid()))
        self.server.stop()
        watchdog.cancel()

    def _destroy(self) -> None:
        """Calls are gone; then devices, accounts, codecs, library: any other order crashes PJSIP."""
        self.endpoint.close_sound()
        for name in list(self.accounts):
            self._drop_account(name)
        self.codecs.uninstall()
        self._sip.unregister()
        gc.collect()
        self.endpoint.destroy()
