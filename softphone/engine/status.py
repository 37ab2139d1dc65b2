"""What the engine says of itself."""

from __future__ import annotations

import os
from typing import Any

import msgspec

from softphone import __version__
from softphone.engine.phone import Phone


def status(engine: Phone) -> dict[str, Any]:
    """The answer to `Status`."""
    return {
        "version": __version__,
        "pid": os.getpid(),
        "pjsip": engine.endpoint.version,
        "address": engine.endpoint.address,
        "codecs": engine.codecs.offered,
        "refusal": engine.codecs.refusal,
        "sound": engine.sound.notes,
        "microphone": engine.sound.microphone,
        "loudspeaker": engine.sound.loudspeaker,
        "talk": engine.sound.talk,
        "volume": engine.sound.volume,
        "history": engine.history.note or engine.history.remark,
        "stay": engine.stay,
        "supervised": engine.supervised,
        "auto_answer": engine.incoming_calls.answer_all,
        "do_not_disturb": engine.incoming_calls.do_not_disturb,
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
