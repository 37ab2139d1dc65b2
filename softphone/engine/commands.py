"""What each command of the control socket does."""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct

from softphone.control import protocol
from softphone.control.protocol import AnyCommand, ControlError, Done, EndedCalls, PlacedCall, QueuedMessage, SipMessages, TranscriptFile
from softphone.engine.accounts.account import LOCAL, AccountSettings
from softphone.engine.accounts.addressing import Addressing
from softphone.engine.calls.call import PhoneCall
from softphone.engine.phone import Phone
from softphone.engine.sound.wav import check_playable, check_writable
from softphone.engine.status import status
from softphone.store import phone_number

T = TypeVar("T")


class Commands:
    """Runs on the main thread. `obey` returns the result or raises SoftphoneError."""

    def __init__(self, engine: Phone, addressing: Addressing) -> None:
        self._engine = engine
        self._addressing = addressing

    @staticmethod
    def check_alive(command: AnyCommand, leaving: str) -> None:
        """Raises ControlError once the engine ends, `leaving` says why: what is left of calls and accounts would mislead."""
        if leaving and not isinstance(command, protocol.Shutdown):
            raise ControlError(f"the engine is ending ({leaving}); start it again", "no_engine")

    def obey(self, command: AnyCommand) -> Struct:
        """The result, of the command's `result_type`."""
        match command:
            case protocol.Status():
                return status(self._engine)
            case protocol.Register():
                self._addressing.check_uris(command.uri, command.registrar, command.proxy)
                if command.account == LOCAL:
                    raise ControlError(f'the account name "{LOCAL}" is taken by the account for direct calls; choose another')
                self._check_idle(command.account)
                self._engine.add_account(AccountSettings.from_command(command))
                return Done()
            case protocol.Unregister(account=name):
                if name == LOCAL:
                    raise ControlError("the account for direct calls is not registered anywhere")
                account = self._addressing.account(name)
                self._check_idle(name)
                account.unregister()
                return Done()
            case protocol.Call():
                return self._call(command)
            case protocol.Answer():
                call = self.numbered(command.call)
                call.check_rings()
                self._files(call, command.wav_in, command.wav_out)
                call.take()
                self._engine.active_calls.talk_to(call)
                return Done()
            case protocol.Hangup():
                calls = list(self._engine.calls.values()) if command.call is None else [self.numbered(command.call)]
                for call in calls:
                    call.end(command.code)
                return EndedCalls([call.number for call in calls])
            case protocol.Play():
                self.numbered(command.call).audio.play(command.wav)
                return Done()
            case protocol.Record():
                call = self.numbered(command.call)
                if command.both and command.wav is not None:
                    call.check_up("be recorded in both directions")
                call.audio.record(command.wav, both=command.both)
                call.tell()
                return Done()
            case protocol.Transcribe():
                call = self.numbered(command.call)
                path = self._engine.transcripts.begin(call) if command.on else call.transcript
                if not command.on:
                    self._engine.transcripts.end(call)
                call.tell()
                return TranscriptFile(path)
            case protocol.Wait():
                call = self.numbered(command.call)
                call.check_up("wait for words")
                call.media.wait_for_words(command.mode)
                return Done()
            case protocol.Hold():
                call = self.numbered(command.call)
                call.check_up("be put on hold")
                call.hold(True)
                return Done()
            case protocol.Resume():
                self._engine.active_calls.resume(self.numbered(command.call))
                return Done()
            case protocol.Mute():
                call = self.numbered(command.call)
                call.audio.mute(command.on)
                call.tell()
                return Done()
            case protocol.SendDtmf():
                self.numbered(command.call).press(command.digits, command.method)
                return Done()
            case protocol.TransferCall():
                self._transfer(command)
                return Done()
            case protocol.Conference():
                self._engine.active_calls.confer([self.numbered(number) for number in dict.fromkeys(command.calls)])
                return Done()
            case protocol.DoNotDisturb():
                self._engine.incoming_calls.do_not_disturb = command.on
                self._engine.incoming_calls.tell()
                return Done()
            case protocol.SendMessage():
                account = self._addressing.account(command.account) if command.account else self._addressing.best_account(command.uri)
                return QueuedMessage(self._engine.messages.send(account, self._addressing.complete(command.uri, account), command.text))
            case protocol.Devices():
                return self._engine.sound.describe()
            case protocol.SelectDevices():
                self._engine.sound_test.stop()
                self._engine.sound.select(command.input, command.output, command.ringer, now=bool(self._engine.calls))
                return Done()
            case protocol.Volume(microphone_db=microphone, loudspeaker_db=loudspeaker):
                return self._engine.sound.set_volume(microphone, loudspeaker)
            case protocol.TalkMode(mode=mode):
                self._engine.sound.set_talk(mode)
                for call in self._engine.calls.values() if mode == "push" else ():
                    call.audio.mute(True)
                    call.tell()
                return Done()
            case protocol.SoundTest(action=action):
                if self._engine.calls and action != "stop":
                    raise ControlError("a call is in progress; end it before testing the sound devices", "busy")
                self._engine.sound_test.perform(action)
                return Done()
            case protocol.SipLadder(call=number):
                if number is None:
                    return SipMessages(self._engine.sip_trace.registrations())
                return SipMessages(self._known(number, self._engine.sip_trace.ladder(number)))
            case protocol.Sdp(call=number):
                return self._known(number, self._engine.sip_trace.sdp(number))
            case protocol.AutoAnswer():
                if command.on and command.wav_in is not None:
                    check_playable(command.wav_in)
                if command.on and command.wav_out is not None:
                    check_writable(command.wav_out.replace("{call}", "0"))
                self._engine.incoming_calls.answer_all = command.on
                self._engine.incoming_calls.answer_all_after_s = command.after_s
                self._engine.incoming_calls.answer_files = (command.wav_in, command.wav_out) if command.on else (None, None)
                self._engine.incoming_calls.tell()
                return Done()
            case protocol.Stay():
                self._engine.lifetime.stay = command.on
                self._engine.lifetime.stay_until_idle = command.on and command.until_idle
                return Done()
            case protocol.Shutdown():
                self._engine.lifetime.stop("told to by a front end")
                return Done()
            case _:
                raise ControlError(f"the engine does not serve {type(command).__name__}")

    def _call(self, command: protocol.Call) -> PlacedCall:
        account = self._addressing.account(command.account) if command.account else self._addressing.best_account(command.uri)
        uri = self._addressing.complete(command.uri, account)
        if command.wav_in is not None:
            check_playable(command.wav_in)
        if command.wav_out is not None:
            check_writable(command.wav_out)
        codecs = self._codecs(command, uri)
        call = self._engine.new_call(account, "outgoing")
        call.media.codec_order = codecs
        if command.max_rate is not None:
            call.media.max_rate = command.max_rate
        self._files(call, command.wav_in, command.wav_out)
        number = phone_number.read(command.uri)
        call.keys_when_up = command.keys or (number.keys if number is not None else "")
        call.dial(uri)
        # Only now: where nobody can be called, no conversation is interrupted.
        self._engine.active_calls.talk_to(call)
        return PlacedCall(call.number)

    def _codecs(self, command: protocol.Call, uri: str) -> list[str] | None:
        """What to offer: as the command says, else as the contact wants it, else None."""
        offered = self._engine.codecs.offered
        if command.codecs is not None:
            if not set(command.codecs) & set(offered):
                chosen = ", ".join(command.codecs) or "an empty list"
                raise ControlError(f"none of the codecs for this call ({chosen}) can be offered now; there are {', '.join(offered)}")
            return list(command.codecs)
        rules = self._engine.contact_rules(uri)
        return list(rules.codecs) if rules is not None and rules.codecs else None

    def _transfer(self, command: protocol.TransferCall) -> None:
        call = self.numbered(command.call)
        if (command.uri is None) == (command.other is None):
            raise ControlError("a transfer goes to an address (uri) or to another call (other): give one of the two")
        if command.uri is not None:
            call.transfer(self._addressing.complete(command.uri, self._addressing.account(call.account_name)))
            return
        assert command.other is not None
        other = self.numbered(command.other)
        if other.number == call.number:
            raise ControlError(f"call {call.number} cannot be transferred to itself; name another call")
        other.check_up("be the target of a transfer")
        call.transfer(other)

    def _files(self, call: PhoneCall, wav_in: str | None, wav_out: str | None) -> None:
        if wav_in is not None:
            call.audio.play(wav_in, stands_in=True)
        if wav_out is not None:
            call.audio.record(wav_out)

    def _check_idle(self, name: str) -> None:
        busy = [call.number for call in self._engine.calls.values() if call.account_name == name]
        if busy:
            raise ControlError(f"account {name} has calls up ({', '.join(map(str, busy))}); hang up first", "busy")

    def _known(self, number: int, kept: T | None) -> T:
        if kept is None:
            raise ControlError(f"there are no SIP messages of call {number}; they are kept for ten minutes after a call", "no_call")
        return kept

    def numbered(self, number: int) -> PhoneCall:
        """A call that is not over. Raises ControlError."""
        call = self._engine.calls.get(number)
        if call is None or call.over:
            known = ", ".join(map(str, self._engine.calls)) or "none"
            raise ControlError(f"there is no call {number}; calls now: {known}", "no_call")
        return call
