"""C functions of PJSIP that are led through one of ours first: what they assert must not be reached."""
