"""The modes of Airtel Money. Outcomes are keys of `OUTCOMES`, `asked` and `always` are answers to the enquiry."""

from payments.simulator.modes import PROMPT, Mode, table_of

MODES = table_of(
    Mode(PROMPT, "The person at the simulator's page pays, declines or ignores the prompt."),
    Mode("success", "Paid (TS).", 1, "paid"),
    Mode("insufficient", "Not enough balance (TF, 007).", 2, "insufficient"),
    Mode("declined", "Refused (TF, 008).", 3, "refused"),
    Mode("timeout", "No PIN was entered (TF, 005).", 4, "no-pin"),
    Mode("expired", "Expired (TE, 029).", 5, "expired"),
    Mode("wrong-pin", "Wrong PIN (TF, 002).", 6, "wrong-pin"),
    Mode("limit", "Over the wallet's limit (TF, 003).", 7, "limit"),
    Mode("below-minimum", "Less than the least amount (TF, 004).", 8, "minimum"),
    Mode("do-not-honour", "Do not honour (TF, 009).", 9, "honour"),
    Mode("payee-barred", "The shop's wallet is barred (TF, 010).", 10, "barred"),
    Mode("unknown-code", "Status TX and a code that nobody has seen before.", 11, "unlisted"),
    Mode(
        "in-progress",
        "Three enquiries say TIP, then paid; no callback.",
        12,
        "paid",
        "",
        (),
        asked=("TIP",) * 3,
    ),
    Mode("stuck", "TIP for ever; no callback.", 13, "paid", "", (), always="TIP"),
    Mode(
        "ambiguous", "Three enquiries say TA, then paid; no callback.", 14, "paid", "", (), asked=("TA",) * 3
    ),
    Mode(
        "timed-out-code",
        "Three enquiries say 024, then paid; no callback.",
        15,
        "paid",
        "",
        (),
        asked=("024",) * 3,
    ),
    Mode(
        "not-found-first",
        "Three enquiries find nothing, then paid; no callback.",
        16,
        "paid",
        "",
        (),
        asked=("none",) * 3,
    ),
    Mode("odd-success", "TS with code 006 and success false.", 17, "paid", always="odd"),
    Mode(
        "enquiry-html-502",
        "Three enquiries get an HTML page and 502, then paid.",
        18,
        "paid",
        "",
        (),
        asked=("html",) * 3,
    ),
    Mode(
        "enquiry-io-exception", "Three enquiries get 408, then paid.", 19, "paid", "", (), asked=("408",) * 3
    ),
    Mode("callback-unsigned", "Paid; the callback has no hash.", 30, "paid", messages=("unsigned",)),
    Mode("callback-member-hash", "Paid; the hash is over the transaction.", 31, "paid", messages=("member",)),
    Mode("callback-body-hash", "Paid; the hash is over the body without it.", 32, "paid", messages=("body",)),
    Mode("callback-bad-hash", "Paid; the callback's hash is wrong.", 33, "paid", messages=("bad-hash",)),
    Mode(
        "duplicate-callback", "Paid; the callback arrives three times.", 34, "paid", messages=("plain",) * 3
    ),
    Mode("false-fail", "The callback says TF, the enquiry TS.", 35, "paid", messages=("TF",)),
    Mode(
        "early-success", "The callback says TS, three enquiries TIP, then TS.", 36, "paid", asked=("TIP",) * 3
    ),
    Mode("false-success", "The callback says TS, the enquiry TF.", 37, "insufficient", messages=("TS",)),
    Mode("callback-first", "Paid; the callback arrives before the answer.", 38, "paid", when="first"),
    Mode("no-callback", "Paid; no callback, only the enquiry tells.", 39, "paid", messages=()),
    Mode(
        "late-callback",
        "Paid; the enquiry says TIP until the callback arrives, late.",
        40,
        "paid",
        when="late",
    ),
    Mode(
        "foreign-callback",
        "Paid; before its callback one for an unknown id.",
        41,
        "paid",
        messages=("foreign", "plain"),
    ),
    Mode("io-exception", "The request is answered 408; paid all the same.", 50, "paid", "408"),
    Mode("dropped", "The line breaks after the request; paid, the callback comes.", 51, "paid", "dropped"),
    Mode(
        "dropped-silent", "The line breaks after the request; paid, no callback.", 52, "paid", "dropped", ()
    ),
    Mode("html-502", "The request is answered with an HTML page and 502.", 53, answer="html"),
    Mode("router-error", "The request is answered ROUTER110.", 54, answer="router"),
    Mode(
        "router-timeout",
        "The request is answered ROUTER117; paid all the same.",
        55,
        "paid",
        "router-timeout",
    ),
    Mode("token-rejected", "The token is refused once (401). Then paid.", 56, "paid", "token-401"),
    Mode("token-rejected-403", "The token is refused once (403). Then paid.", 57, "paid", "token-403"),
    Mode("token-useless", "Every token is refused (401).", 58, answer="token-401", refreshable=False),
    Mode("accepted-variant", "Paid; the answer spells its status `Success.`.", 59, "paid", "variant"),
    Mode("ambiguous-answer", "The answer says 000, ambiguous; paid all the same.", 60, "paid", "ambiguous"),
    Mode("vendor-unknown", "The answer says ESB000039, vendor not configured.", 61, answer="vendor"),
    Mode("refund-failed", "Paid; its refund is refused.", 70, "paid", refund="failed"),
    Mode("refund-unreported", "Refunded; the enquiry keeps saying TS.", 71, "paid", refund="unreported"),
    Mode(
        "refund-io-exception", "The refund is answered 408; refunded all the same.", 72, "paid", refund="408"
    ),
    Mode(
        "refund-dropped", "The line breaks after the refund request; refunded.", 73, "paid", refund="dropped"
    ),
    Mode("refund-same-id", "Refunded; the answer repeats the payment's id.", 74, "paid", refund="same"),
    Mode(
        "refund-html-502",
        "The refund is answered with an HTML page and 502; nothing happens.",
        75,
        "paid",
        refund="html",
    ),
    Mode(
        "token-text", "For the token's answer, at the control endpoint: `expires_in` is a text.", 90, "paid"
    ),
)

# key: status, response code, ESB code, text
OUTCOMES: dict[str, tuple[str, str, str, str]] = {
    "paid": ("TS", "DP00800001001", "ESB000010", "Your transaction has been successfully processed"),
    "insufficient": ("TF", "DP00800001007", "ESB000011", "Insufficient balance"),
    "refused": ("TF", "DP00800001008", "ESB000011", "Refused"),
    "no-pin": ("TF", "DP00800001005", "ESB000011", "User didn't enter the pin"),
    "expired": ("TE", "DP00800001029", "ESB000011", "Transaction Expired"),
    "wrong-pin": ("TF", "DP00800001002", "ESB000011", "Incorrect pin"),
    "limit": ("TF", "DP00800001003", "ESB000011", "Exceeds withdrawal amount limit"),
    "minimum": ("TF", "DP00800001004", "ESB000011", "The amount is less than the minimum limit"),
    "honour": ("TF", "DP00800001009", "ESB000011", "Do not honor"),
    "barred": ("TF", "DP00800001010", "ESB000011", "Transaction not permitted to Payee"),
    "unlisted": ("TX", "DP00800001099", "ESB000099", "Something that no list explains"),
    "reversed": ("TR", "DP00800001001", "ESB000010", "Transaction reversed"),
    "TIP": ("TIP", "DP00800001006", "ESB000010", "Transaction in progress"),
    "TA": ("TA", "DP00800001000", "ESB000014", "Transaction ambiguous"),
    "024": ("TA", "DP00800001024", "ESB000008", "Transaction timed out"),
    "odd": ("TS", "DP00800001006", "ESB000010", "Your transaction has been successfully processed"),
}
