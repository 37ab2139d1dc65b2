"""SIP messages below PJSIP's transactions: `unparsed/` before its parser, `parsed/` between the parser and the transactions."""
