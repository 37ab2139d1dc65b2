"""SIP messages below PJSIP's transactions."""
