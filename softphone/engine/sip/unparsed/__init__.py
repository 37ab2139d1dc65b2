"""The bytes of a SIP message, before PJSIP's parser: what must not reach it, what is changed first, and what it drops."""
