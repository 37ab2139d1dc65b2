"""How SIP, RTP and RTCP are carried: encryption, ways through NATs, and what is held back of RTCP."""
