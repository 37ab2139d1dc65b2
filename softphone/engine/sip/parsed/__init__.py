"""A SIP message after PJSIP's parser and before its transactions: what is refused, changed, counted or passed on."""
