"""What the engine says of itself."""

from __future__ import annotations

import os

from softphone import __version__
from softphone.control.protocol import AccountStatus, PhoneStatus, WorkerStatus
from softphone.engine.phone import Phone


def status(engine: Phone) -> PhoneStatus:
    """The answer to `Status`."""
    worker = engine.worker
    return PhoneStatus(
        version=__version__,
        pid=os.getpid(),
        pjsip=engine.endpoint.version,
        address=engine.endpoint.address,
        codecs=engine.codecs.offered,
        refusal=engine.codecs.refusal,
        sound=engine.sound.notes,
        microphone=engine.sound.microphone,
        loudspeaker=engine.sound.loudspeaker,
        talk=engine.sound.talk,
        volume=engine.sound.volume,
        history=engine.history.note or engine.history.remark,
        stay=engine.lifetime.stay,
        supervised=engine.lifetime.supervised,
        auto_answer=engine.incoming_calls.answer_all,
        do_not_disturb=engine.incoming_calls.do_not_disturb,
        worker=WorkerStatus(worker.state, worker.reason, worker.pid, worker.restarts, worker.facts),
        accounts=[
            AccountStatus(
                name,
                account.settings.uri,
                account.settings.registrar or "",
                account.registered,
                account.last,
                engine.mailboxes.last.get(name),
            )
            for name, account in engine.accounts.items()
        ],
        presence=list(engine.presence.watch.last.values()),
        calls=[call.describe() for call in engine.calls.values() if not call.over],
        media=[call.media.last for call in engine.calls.values() if call.media.last and not call.over],
    )
