"""What the phone remembers: contacts, history, messages, settings, passwords. No screen, no PJSIP, no torch."""
