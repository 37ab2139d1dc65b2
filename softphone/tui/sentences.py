"""What the screens and `softphone status` say about calls, accounts and the phone itself: all of it, so that it can be read in one go.

Why a call, registration or message failed is said by the engine (softphone/engine/sip/status_text.py). Sentences begin with a capital
letter where they stand alone, and small where they follow a name.
"""

from __future__ import annotations

# A call's state, after the name of the other side.
CALLING, RINGING, CONNECTING, INCOMING = "calling", "ringing", "connecting", "incoming call"
TALKING, ON_HOLD, HELD_BY_THEM = "talking", "on hold", "held by them"
ENDED = "ended after {time}"
DOING = {
    "hold": "putting on hold…",
    "resume": "resuming…",
    "answer": "answering…",
    "hang_up": "hanging up…",
    "transfer": "transferring…",
}
"""What was asked for and is not done yet."""
STILL_WAITING = "Still waiting for the other side to answer; nothing was sent again."

# What is said about how a call fares: the first that holds, from the top.
NO_SOUND = "No audio: {why}"
NOTHING_ARRIVES = "Nothing arrives from the other side ({seconds} s)"
NOTHING_ARRIVES_YET = "Nothing has arrived yet. A firewall or NAT may block it."
NOT_SPOKEN_YET = "Good. The other side has not spoken yet."
SILENT_OR_BLOCKED = "Nothing has arrived yet: the other side is silent, or a firewall blocks it."
MEASURING = "Measuring"
LOSS = "Network: {percent} % packet loss, {heard}"
MOSTLY_REPAIRED, WORDS_LOST = "mostly repaired", "words are lost"
LOSS_THERE = "Network: {percent} % of what you send is lost"
JITTER = "Network: uneven arrival (jitter {ms} ms)"
HIGH_DELAY = "High delay ({ms} ms): leave pauses"
CODEC_RESTARTS = "The codec is restarting on this machine"
OVERLOADED = "CPU overloaded: speech is being dropped. Close other programs."
SOME_DROPPED = "CPU busy: a little speech is being dropped"
MICROPHONE_SILENT = "Your microphone is silent. Check Settings > Sound (o)."
GOOD = "Good"
HELD_VERDICT, HELD_BY_THEM_VERDICT = "On hold", "The other side put you on hold"

# The card of a call.
ANSWERED_IN = "Answered automatically in {seconds} s"
NEGOTIATING, NO_AUDIO_YET, NOT_MEASURED = "negotiating", "none yet", "not measured yet"
SENDING, NOT_SENDING = "sending", "waiting for you to speak"
"""With voice activation: whether the microphone is sent now."""
TYPED, KEYS_PRESSED = "You typed: {text}", "Keys they pressed: {keys}"
CLEAR, QUICK, CHOSEN_BY_NETWORK = "clear", "quick", " (auto)"
"""Whether x-phv waits for words: "clear" is understood better, "quick" is heard about a second sooner."""
SOUND_AT, SYMBOLS = "sound at {rate}", "symbols"
SOUND_SENT, SYMBOLS_SENT = "sound is sent: {why}", "symbols are sent: {why}"
"""What x-phv sends between phones that carry both, and why."""
WAIT_MODES = {
    "auto": "Auto: clear or quick, as the network allows",
    "clear": "Clear: words are understood better, and heard about a second later",
    "quick": "Quick: heard at once, with more words wrong",
}
SILENT_NOW = "silent now; while speaking {rate}"

# Accounts.
ACCOUNT_STATES = {
    "registered": "registered",
    "registering": "registering",
    "unregistered": "not registered",
    "failed": "registration failed",
    "direct": "direct calls",
}
REACHED_DIRECTLY = "Your address on this network: sip:{address}"

# The phone.
READY, ENGINE_MISSING, ENGINE_STARTING, ENGINE_STOPPING = "Ready", "The phone is not running yet", "Starting", "Stopping"
ENGINE_FLAGS = {"down": "phone not running", "starting": "starting", "stopping": "stopping"}
CODEC_FLAGS = {"ready": "codec ready", "starting": "codec loading", "died": "codec restarting", "unavailable": "Opus only"}

# Notices.
CALLED_WHEN_READY = "The phone is starting. It calls as soon as it is ready."
MISSED = "Missed call from {name}. l shows it."
MISSED_WORD, CANCELLED_WORD = "missed", "cancelled"
"""How the last call ended, where nobody answered."""
MESSAGE_CAME = "Message from {name}: {text}"
VOICEMAIL = "New voicemail for {account}"
PUSH_TO_TALK = "Talk now. Your microphone is muted again when you release the key."
MUTED_NOTICE, UNMUTED_NOTICE = "Microphone muted", "Microphone on"
VOLUME = "Loudspeaker {db:+} dB"
VOLUME_AS_DEVICE = "Loudspeaker as the device gives it (0 dB)"
KEY_PRESSED = "{name} pressed {key}"
RECORDING_TO = "Recording. Both sides heard a tone. File: {path}"
RECORDED = "Recording saved: {path}"
TRANSCRIBING_TO = "Transcript begins. The other side is told. File: {path}"
TRANSCRIBED = "Transcript saved: {path}. In the list of calls (l), y shows it."
NO_TRANSCRIPT = "Nothing was written down of this call. y in a call on x-phv does that."
DELETE_TRANSCRIPT = "Delete this transcript for good?"
REGISTRATION_FAILED = "{account}: registration failed: {reason}"
NEXT_TRY = " Next try in {seconds} s."
MESSAGE_FAILED = "Message not delivered: {reason}"
TRANSFER_FAILED = "Transfer failed: {reason}. The call is still yours."
TRANSFER_DONE = "Call transferred"
TRANSFERRED_BY_THEM = "The other side transferred you"
DO_NOT_DISTURB_ON = "Do not disturb is on. Callers get busy and appear as missed."
DO_NOT_DISTURB_OFF = "Do not disturb is off."
REMEMBER_VOICES = (
    "Remember voices from now on, so that calls sound right at once? "
    "Yours is kept on this machine, and those of others where they allow it."
)
