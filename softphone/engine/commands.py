"""What each command of the control socket does."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from softphone import __version__
from softphone.control import protocol as ask
from softphone.control.protocol import AnyCommand, ControlError
from softphone.engine.accounts.account import LOCAL, AccountSettings, PhoneAccount
from softphone.engine.calls.call import PhoneCall
from softphone.engine.sound.wav import check_playable, check_writable
from softphone.store import phone_number, sip_address

if TYPE_CHECKING:
    from softphone.engine.engine import Engine

T = TypeVar("T")


class Commands:
    """Runs on the main thread. `obey` returns the result or raises SoftphoneError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def obey(self, command: AnyCommand) -> dict[str, Any]:
        match command:
            case ask.Status():
                return self._status()
            case ask.Register():
                self._check_uris(command.uri, command.registrar, command.proxy)
                if command.account == LOCAL:
                    raise ControlError(f'the account name "{LOCAL}" is taken by the account for direct calls; choose another')
                self._check_idle(command.account)
                self._engine.add_account(AccountSettings.from_command(command))
                return {}
            case ask.Unregister(account=name):
                if name == LOCAL:
                    raise ControlError("the account for direct calls is not registered anywhere")
                account = self._account(name)
                self._check_idle(name)
                account.unregister()
                return {}
            case ask.Call():
                return self._call(command)
            case ask.Answer():
                call = self.numbered(command.call)
                call.check_rings()
                self._files(call, command.wav_in, command.wav_out)
                self._engine.lineup.talk_to(call)
                call.take()
                return {}
            case ask.Hangup():
                calls = list(self._engine.calls.values()) if command.call is None else [self.numbered(command.call)]
                for call in calls:
                    call.end(command.code)
                return {"calls": [call.number for call in calls]}
            case ask.Play():
                self.numbered(command.call).audio.play(command.wav)
                return {}
            case ask.Record():
                call = self.numbered(command.call)
                if command.both and command.wav is not None:
                    call.check_up("be recorded in both directions")
                call.audio.record(command.wav, both=command.both)
                call.tell()
                return {}
            case ask.Wait():
                call = self.numbered(command.call)
                call.check_up("wait for words")
                call.media.wait_for_words(command.mode)
                return {}
            case ask.Hold():
                call = self.numbered(command.call)
                call.check_up("be put on hold")
                call.hold(True)
                return {}
            case ask.Resume():
                self._engine.lineup.resume(self.numbered(command.call))
                return {}
            case ask.Mute():
                call = self.numbered(command.call)
                call.audio.mute(command.on)
                call.tell()
                return {}
            case ask.SendDtmf():
                self.numbered(command.call).press(command.digits, command.method)
                return {}
            case ask.TransferCall():
                self._transfer(command)
                return {}
            case ask.Conference():
                self._engine.lineup.confer([self.numbered(number) for number in dict.fromkeys(command.calls)])
                return {}
            case ask.DoNotDisturb():
                self._engine.reception.do_not_disturb = command.on
                return {}
            case ask.SendMessage():
                account = self._account(command.account) if command.account else self._best_account(command.uri)
                return {"message": self._engine.messages.send(account, self._complete(command.uri, account), command.text)}
            case ask.Devices():
                return self._engine.sound.describe()
            case ask.SelectDevices():
                self._engine.sound_test.stop()
                self._engine.sound.select(command.input, command.output, now=bool(self._engine.calls))
                return {}
            case ask.SoundTest(action=action):
                if self._engine.calls and action != "stop":
                    raise ControlError("a call is up; end it before the sound devices are tried", "busy")
                self._engine.sound_test.perform(action)
                return {}
            case ask.SipLadder(call=number):
                return {"messages": self._known(number, self._engine.sip_trace.ladder(number))}
            case ask.Sdp(call=number):
                return self._known(number, self._engine.sip_trace.sdp(number))
            case ask.AutoAnswer():
                if command.on and command.wav_in is not None:
                    check_playable(command.wav_in)
                if command.on and command.wav_out is not None:
                    check_writable(command.wav_out.replace("{call}", "0"))
                self._engine.reception.answer_all = command.on
                self._engine.reception.answer_files = (command.wav_in, command.wav_out) if command.on else (None, None)
                return {}
            case ask.Stay():
                self._engine.stay = command.on
                self._engine.stay_until_idle = command.on and command.until_idle
                return {}
            case ask.Shutdown():
                self._engine.stop("told to by a front end")
                return {}
            case _:
                raise ControlError(f"the engine does not serve {type(command).__name__}")

    def _status(self) -> dict[str, Any]:
        engine = self._engine
        return {
            "version": __version__,
            "pid": os.getpid(),
            "pjsip": engine.endpoint.version,
            "address": engine.endpoint.address,
            "codecs": engine.codecs.offered,
            "refusal": engine.codecs.refusal,
            "sound": engine.sound.note,
            "microphone": engine.sound.microphone,
            "loudspeaker": engine.sound.loudspeaker,
            "history": engine.history.note or engine.history.remark,
            "stay": engine.stay,
            "supervised": engine.supervised,
            "auto_answer": engine.reception.answer_all,
            "do_not_disturb": engine.reception.do_not_disturb,
            "worker": {
                "state": engine.worker.state,
                "reason": engine.worker.reason,
                "pid": engine.worker.pid,
                "restarts": engine.worker.restarts,
                "facts": engine.worker.facts,
            },
            "accounts": [
                {
                    "account": name,
                    "uri": account.settings.uri,
                    "registrar": account.settings.registrar,
                    "registered": account.registered,
                    "last": msgspec.to_builtins(account.last),
                    "message_waiting": msgspec.to_builtins(engine.mailboxes.last.get(name)),
                }
                for name, account in engine.accounts.items()
            ],
            "presence": [msgspec.to_builtins(presence) for presence in engine.presence.watch.last.values()],
            "calls": [msgspec.to_builtins(call.describe()) for call in engine.calls.values() if not call.over],
            "media": [msgspec.to_builtins(call.media.last) for call in engine.calls.values() if call.media.last and not call.over],
        }

    def _call(self, command: ask.Call) -> dict[str, Any]:
        account = self._account(command.account) if command.account else self._best_account(command.uri)
        uri = self._complete(command.uri, account)
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
        self._engine.lineup.talk_to(call)
        number = phone_number.read(command.uri)
        call.keys_when_up = command.keys or (number.keys if number is not None else "")
        call.dial(uri)
        return {"call": call.number}

    def _codecs(self, command: ask.Call, uri: str) -> list[str] | None:
        """What to offer: as the command says, else as the contact wants it, else None."""
        offered = self._engine.codecs.offered
        if command.codecs is not None:
            if not set(command.codecs) & set(offered):
                chosen = ", ".join(command.codecs) or "an empty list"
                raise ControlError(f"none of the codecs for this call ({chosen}) can be offered now; there are {', '.join(offered)}")
            return list(command.codecs)
        rules = self._engine.contact_rules(uri)
        return list(rules.codecs) if rules is not None and rules.codecs else None

    def _transfer(self, command: ask.TransferCall) -> None:
        call = self.numbered(command.call)
        if (command.uri is None) == (command.other is None):
            raise ControlError("a transfer goes to an address (uri) or to another call (other): give one of the two")
        if command.uri is not None:
            call.transfer(self._complete(command.uri, self._account(call.account_name)))
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

    def _complete(self, text: str, account: PhoneAccount) -> str:
        """A SIP URI from what people type: an address, a number, or a name at the account's server."""
        uri = text.strip()
        number = phone_number.read(uri)
        if number is not None:
            if not account.settings.registrar:
                raise ControlError(f"{uri[:60]} is a number, and no account has a server that could know it; register one", "bad_uri")
            uri = f"sip:{sip_address.escape_user(number.digits)}@{account.settings.uri.rpartition('@')[2]}"
        elif not uri.lower().startswith(("sip:", "sips:")):
            if "@" not in uri and ":" not in uri and account.settings.registrar:
                uri = f"{uri}@{account.settings.uri.rpartition('@')[2]}"
            uri = f"sip:{uri}"
        transport = self._engine.config.network.transport
        if transport != "udp" and "transport=" not in uri.lower():
            uri += f";transport={transport}"
        self._check_uris(uri)
        return uri

    def _check_uris(self, *uris: str | None) -> None:
        for uri in uris:
            if uri and re.match(r"sips?:([^@]*@)?\[", uri, re.IGNORECASE):
                raise ControlError(
                    f"{uri} has an IPv6 address, and PJSIP is built without IPv6 here; use its IPv4 address or name", "bad_uri"
                )
            if uri and not self._engine.endpoint.is_sip_uri(uri):
                raise ControlError(f"{uri} is no SIP address; one looks like sip:bob@example.org or sip:192.0.2.7:5060", "bad_uri")

    def _account(self, name: str) -> PhoneAccount:
        account = self._engine.accounts.get(name)
        if account is None or account.leaving:
            raise ControlError(f"there is no account {name}; known are {', '.join(self._engine.accounts)}", "no_account")
        return account

    def _check_idle(self, name: str) -> None:
        busy = [call.number for call in self._engine.calls.values() if call.account_name == name]
        if busy:
            raise ControlError(f"account {name} has calls up ({', '.join(map(str, busy))}); hang up first", "busy")

    def _best_account(self, uri: str) -> PhoneAccount:
        """The first registered one; for a bare name one that has a server, though it may be out of touch just now; else the local one."""
        accounts = [account for account in self._engine.accounts.values() if account.settings.registrar and not account.leaving]
        bare = ("@" not in uri and ":" not in uri) or phone_number.read(uri) is not None
        return next((account for account in accounts if account.registered or bare), self._engine.accounts[LOCAL])

    def way_to(self, address: str) -> tuple[PhoneAccount, str] | None:
        """By which account an address of the contacts is asked for something, and its SIP URI; None while there is no way to it."""
        accounts = [account for account in self._engine.accounts.values() if account.settings.registrar and not account.leaving]
        domain = address.rpartition("@")[2].partition(";")[0].lower()
        chosen = sorted(
            (account for account in accounts if account.registered),
            key=lambda account: account.settings.uri.rpartition("@")[2].lower() != domain,
        )
        account = chosen[0] if chosen else self._engine.accounts.get(LOCAL)
        if account is None or (accounts and not chosen) or (not chosen and "@" not in address):
            return None
        try:
            return account, self._complete(address, account)
        except ControlError:
            return None

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
