"""PJSIP with `loop_cable` as its sound device, as a process; prints one JSON line.

`python -m tests.engine.sound.sound_probe in.wav out.wav seconds`
"""

import json
import os
import sys
import time

import pjsua2 as pj

from softphone.engine.pjsip.abi import load_abi
from softphone.engine.pjsip.install import configure_media
from softphone.engine.sound.device import SoundDevices
from tests.engine.sound import loop_cable

REPORTS = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def main(wav_in: str, wav_out: str, seconds: float) -> None:
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 0
    config.uaConfig.threadCnt = 0
    configure_media(config.medConfig)
    config.medConfig.ecTailLen = 0
    endpoint.libInit(config)
    sound = SoundDevices(load_abi(), loop_cable)
    devices = sound.register()
    endpoint.libStart()
    manager = endpoint.audDevManager()
    manager.setCaptureDev(devices[0].index)
    manager.setPlaybackDev(devices[0].index)
    player = pj.AudioMediaPlayer()
    player.createPlayer(wav_in, pj.PJMEDIA_FILE_NO_LOOP)
    recorder = pj.AudioMediaRecorder()
    recorder.createRecorder(wav_out)
    manager.getCaptureDevMedia().startTransmit(recorder)
    player.startTransmit(manager.getPlaybackDevMedia())
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        endpoint.libHandleEvents(10)
    del player, recorder
    manager.setNoDev()
    streams = [{"closed": s.closed, **{k: s.settings[k] for k in ("samplerate", "device", "channels", "dtype")}} for s in loop_cable.opened]
    endpoint.libDestroy()
    print(json.dumps({"devices": [vars(d) for d in devices], "streams": streams}), file=REPORTS, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
    os._exit(0)
