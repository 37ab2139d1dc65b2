"""What the keys do to calls. Every refusal of the engine ends as a sentence on the screen."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, Literal, cast

from textual.screen import Screen

from softphone import paths
from softphone.config import HIGHEST_VOLUME_DB, LOWEST_VOLUME_DB
from softphone.control import protocol
from softphone.errors import SoftphoneError
from softphone.files.errors import StoreError
from softphone.store import dial
from softphone.store.settings import Settings
from softphone.tui import sentences
from softphone.tui.calls.call_card import CallCard
from softphone.tui.calls.say_line import SayLine
from softphone.tui.common.screens import PhoneParts
from softphone.tui.dialling.dial_field import DialField
from softphone.tui.notices.notice_line import NoticeLine
from softphone.tui.state.call_view import CallView, Doing
from softphone.tui.state.names import short

NEXT_WAIT: dict[str, Literal["auto", "clear", "quick"]] = {"auto": "clear", "clear": "quick", "quick": "auto"}
"""What the key for waiting changes `[phv] wait` of the call to."""


VOLUME_STEP_DB = 3
SETTLED_S = 1.0
"""After the last change of the volume it is kept."""


RELEASED_S = 0.8
"""A key that does not come again for so long is no longer held: keyboards wait up to 0.66 s before they repeat one."""


class CallActions(PhoneParts):
    """Mixed into the main screen; `action_<id>` does what the table of actions promises."""

    @property
    def _here(self) -> Screen[Any]:
        return cast("Screen[Any]", self)

    def action_dial(self) -> None:
        self._here.query_one(DialField).focus_input()

    async def on_dial_field_dialled(self, event: DialField.Dialled) -> None:
        self._here.set_focus(None)
        await self.call_target(dial.Target(event.uri, event.keys), event.text)

    async def call_text(self, text: str) -> None:
        """Call what `text` means, or say at the dial field why not."""
        try:
            target = self.phone.target(text)
        except StoreError as error:
            self._here.query_one(DialField).give_back(text, str(error))
            return
        await self.call_target(target, text)

    async def call_target(self, target: dial.Target, text: str) -> None:
        """Call, as soon as the phone is ready; the engine holds other calls. If it refuses, `text` stands in the dial field again."""
        if self.phone.session.restarting:
            self.tell(sentences.CALLED_WHEN_READY, "info")
            self._here.run_worker(self._call_when_ready(target, text), group="dial", exclusive=True)
        else:
            await self._call(target, text)

    async def _call_when_ready(self, target: dial.Target, text: str) -> None:
        await self.phone.session.restarted()
        await self._call(target, text)

    async def _call(self, target: dial.Target, text: str) -> None:
        try:
            result = await self.phone.session.ask(protocol.Call(uri=target.uri, keys=target.keys or None))
        except protocol.ControlError as error:
            self._here.query_one(DialField).give_back(text, str(error))
            return
        self.phone.changed(self.state.select(result.call))

    async def action_answer(self) -> None:
        call = self.state.call
        ringing = call if call is not None and call.incoming else self.state.ringing
        if ringing is None:
            return
        if await self._do(ringing, "answer", protocol.Answer(call=ringing.number)):
            self.phone.changed(self.state.select(ringing.number))

    async def action_hang_up(self) -> None:
        call = self.state.call
        if call is not None:
            await self._do(call, "hang_up", protocol.Hangup(call=call.number, code=486 if call.incoming else None))

    async def action_refuse(self) -> None:
        ringing = self.state.ringing
        if ringing is not None:
            await self._do(ringing, "hang_up", protocol.Hangup(call=ringing.number, code=486))

    async def action_hold(self) -> None:
        call = self.state.call
        if call is None:
            return
        if call.doing in ("hold", "resume"):
            # Another request would only wait behind the first one, and undo it in the end.
            self.tell(sentences.STILL_WAITING, "info")
            return
        await (
            self._do(call, "resume", protocol.Resume(call=call.number))
            if call.held
            else self._do(call, "hold", protocol.Hold(call=call.number))
        )

    async def _do(self, call: CallView, what: Doing, command: protocol.Command[Any]) -> bool:
        """Ask the engine, and show at once what was asked for; False after a refusal."""
        call.doing = what
        self.phone.changed(frozenset({"calls"}))
        done = await self.ask(command) is not None
        if not done and call.doing == what:
            call.doing = ""
            self.phone.changed(frozenset({"calls"}))
        return done

    async def action_mute(self) -> None:
        call = self.state.call
        if call is not None:
            await self.ask(protocol.Mute(call=call.number, on=not call.state.muted))

    async def action_push_to_talk(self) -> None:
        """While the key repeats, a muted microphone is on. Terminals tell of no key that is released."""
        call = self.state.call
        if call is None:
            return
        first, call.talk_until = not call.talk_until, self.phone.clock() + RELEASED_S
        if first:
            self.tell(sentences.PUSH_TO_TALK, "info")
            self._here.app.run_worker(self._mute_again(call), group=f"talk-{call.number}")

    async def _mute_again(self, call: CallView) -> None:
        """Unmute, and mute when the key is no longer held; also when this screen is left meanwhile."""
        try:
            await self.phone.session.ask(protocol.Mute(call=call.number, on=False))
            while (left := call.talk_until - self.phone.clock()) > 0:
                await asyncio.sleep(left)
            await self.phone.session.ask(protocol.Mute(call=call.number, on=True))
            self.tell(sentences.MUTED_NOTICE, "info")
        except protocol.ControlError as error:
            self.tell(str(error))
        finally:
            call.talk_until = 0.0

    async def action_wait(self) -> None:
        """The next of auto, clear and quick."""
        call = self.state.call
        if call is None or call.statistics is None or call.statistics.profile is None:
            return
        mode = NEXT_WAIT.get(call.statistics.profile.wait, "auto")
        if await self.ask(protocol.Wait(call=call.number, mode=mode)) is not None:
            self.tell(sentences.WAIT_MODES[mode], "info")

    def action_clear_notices(self) -> None:
        """Remove the notices."""
        for line in self._here.query(NoticeLine):
            line.dismiss()

    def action_details(self) -> None:
        """Show more of the call, or less."""
        self._here.query_one(CallCard).toggle_details()

    async def action_swap(self) -> None:
        calls = list(self.state.calls.values())
        others = [call for call in calls if call.number != self.state.selected and (call.up or call.incoming)]
        if not others:
            self.tell("There is no other call.", "warning")
            return
        # The next one after the chosen call, round and round.
        other = next((call for call in others if call.number > (self.state.selected or 0)), others[0])
        self.phone.changed(self.state.select(other.number))
        if other.incoming:
            await self.action_answer()
        else:
            await self._do(other, "resume", protocol.Resume(call=other.number))

    def action_transfer(self) -> None:
        from softphone.tui.calls.transfer import Target, TransferDialog  # noqa: PLC0415 - opened seldom

        call = self.state.call
        if call is None:
            return

        async def chosen(target: Target | None) -> None:
            if target is None:
                return
            await self._do(call, "transfer", protocol.TransferCall(call=call.number, uri=target.uri, other=target.call))

        self._here.app.push_screen(TransferDialog(call.number), chosen)

    def action_conference(self) -> None:
        from softphone.tui.calls.conference import ConferenceDialog  # noqa: PLC0415 - opened seldom

        async def chosen(numbers: list[int] | None) -> None:
            if numbers is None:
                return
            selected = self.state.call
            members = [call for call in self.state.conference if call.up]
            done = await self.ask(protocol.Conference(calls=numbers)) is not None
            if done and not numbers and members:
                # The engine holds all of them; who was selected is talked to.
                stays = selected if selected in members else members[0]
                await self._do(stays, "resume", protocol.Resume(call=stays.number))

        self._here.app.push_screen(ConferenceDialog(), chosen)

    async def action_louder(self) -> None:
        await self._change_volume(VOLUME_STEP_DB)

    async def action_softer(self) -> None:
        await self._change_volume(-VOLUME_STEP_DB)

    async def _change_volume(self, by_db: int) -> None:
        # Another window may have changed it.
        now = await self.ask(protocol.Volume())
        if now is None:
            return
        db = min(max(now.loudspeaker_db + by_db, LOWEST_VOLUME_DB), HIGHEST_VOLUME_DB)
        if await self.ask(protocol.Volume(loudspeaker_db=db)) is not None:
            self.tell(sentences.VOLUME.format(db=db) if db else sentences.VOLUME_AS_DEVICE, "info")
            self._here.run_worker(self._keep_volume(db), group="volume", exclusive=True)

    async def _keep_volume(self, db: int) -> None:
        # One write for a key that is held down.
        await asyncio.sleep(SETTLED_S)
        try:
            self.phone.config = await asyncio.to_thread(Settings(self.phone.config_file).change, {"audio.loudspeaker_db": db})
        except SoftphoneError as error:
            self.tell(str(error))

    def action_keypad(self) -> None:
        from softphone.tui.calls.keypad import Keypad  # noqa: PLC0415 - opened seldom

        if self.state.call is not None:
            self._here.app.push_screen(Keypad(self.state.call.number))

    def action_say(self) -> None:
        self._here.query_one(SayLine).open()

    async def on_say_line_spoken(self, event: SayLine.Spoken) -> None:
        await self.speak(event.text)

    async def speak(self, text: str) -> None:
        """Say `text` into the chosen call."""
        call = self.state.call
        if call is None:
            return
        if await self.ask(protocol.Say(call=call.number, text=text)) is not None:
            call.spoken = text
            self.phone.changed(frozenset({"calls"}))

    async def press(self, digits: str) -> None:
        """Send telephone keys (RFC 4733)."""
        call = self.state.call
        if call is not None and await self.ask(protocol.SendDtmf(call=call.number, digits=digits)) is not None:
            self.tell(f"Sent key {digits}", "info")

    async def action_record(self) -> None:
        call = self.state.call
        if call is None:
            return
        if recorded := call.state.recording:
            if await self.ask(protocol.Record(call=call.number, both=True)) is not None:
                self.tell(sentences.RECORDED.format(path=paths.from_home(recorded)), "info")
            return
        try:
            path = _recording_path(call)
        except OSError as error:
            self.tell(f"Cannot create the folder for recordings ({error.strerror}). Make room or change its permissions.")
            return
        if await self.ask(protocol.Record(call=call.number, wav=str(path), both=True)) is not None:
            self.tell(sentences.RECORDING_TO.format(path=paths.from_home(path)), "info")

    async def action_transcript(self) -> None:
        call = self.state.call
        if call is None:
            return
        on = not call.state.transcript
        answer = await self.ask(protocol.Transcribe(call=call.number, on=on))
        if answer is not None:
            said = sentences.TRANSCRIBING_TO if on else sentences.TRANSCRIBED
            self.tell(said.format(path=paths.from_home(answer.path)), "info")

    def action_wire(self) -> None:
        call = self.state.call or self.state.last_call
        self.phone.open("ladder", call.number if call is not None else None)

    def action_sdp(self) -> None:
        call = self.state.call or self.state.last_call
        if call is not None:
            self.phone.open("sdp", call.number)

    def action_call_down(self) -> None:
        self.phone.changed(self.state.step(1))

    def action_call_up(self) -> None:
        self.phone.changed(self.state.step(-1))

    def action_choose(self, number: int) -> None:
        """A click on a call."""
        self.phone.changed(self.state.select(number))

    async def action_redial(self) -> None:
        try:
            last = self.phone.store.history.redial()
        except StoreError as error:
            self.tell(str(error))
            return
        if last is None:
            self.tell("No calls yet. d dials.", "info")
        else:
            await self.call_text(last.remote)


def _recording_path(call: CallView) -> Path:
    """A new file in a private folder, named by time and remote party."""
    folder = paths.data_dir() / "recordings"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = "".join(letter if letter.isalnum() or letter in ".@-" else "_" for letter in short(call.state.remote))[:60]
    return folder / f"{time.strftime('%Y-%m-%d-%H%M%S')}-{name}.wav"
