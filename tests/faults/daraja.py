"""M-Pesa in this process: answers at once, decides nothing by itself, and calls nobody back unless told to.

The simulator lives by the clock and in threads of its own. Here nothing happens but what an actor does, so that two
actors can be played in every order, thousands of times.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from payments.http import Answer

PAID, DECLINED = "0", "1032"


@dataclass
class Prompt:
    """What one customer was asked; `outcome` is the truth, empty while nothing is decided."""

    id: str
    merchant: str
    account: str
    amount: int
    address: str
    receipt: str
    outcome: str = ""
    sent_back: int = 0


@dataclass
class Reversal:
    """Money that was told to go back, and where its outcome is to be said."""

    id: str
    address: str
    prompt: Prompt


@dataclass
class Daraja:
    """Put in the place of `HttpClient._send`."""

    prompts: list[Prompt] = field(default_factory=list)
    reversals: list[Reversal] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def send(self, client: object, method: str, path: str, *rest: Any) -> Answer:
        """Headers, body and query follow the path."""
        document = json.loads(rest[1]) if method == "POST" else {}
        name = next(name for name in self._answers if name in path)
        with self._lock:
            return self._answers[name](self, document)

    def message(self, prompt: Prompt, outcome: str) -> tuple[str, bytes]:
        """Where to, and what is said there of the prompt."""
        callback: dict[str, Any] = {
            "MerchantRequestID": prompt.merchant,
            "CheckoutRequestID": prompt.id,
            "ResultCode": int(outcome),
            "ResultDesc": "Said by a test",
        }
        if outcome == PAID:
            items = {"Amount": prompt.amount, "MpesaReceiptNumber": prompt.receipt}
            pairs = [{"Name": name, "Value": value} for name, value in items.items()]
            callback["CallbackMetadata"] = {"Item": pairs}
        return _path(prompt.address), json.dumps({"Body": {"stkCallback": callback}}).encode()

    def result(self, reversal: Reversal) -> tuple[str, bytes]:
        """The money has gone back."""
        said = {
            "ResultType": 0,
            "ResultCode": 0,
            "ResultDesc": "Said by a test",
            "OriginatorConversationID": f"own-{reversal.id}",
            "ConversationID": reversal.id,
            "TransactionID": f"R{reversal.prompt.receipt[1:]}",
        }
        return _path(reversal.address), json.dumps({"Result": said}).encode()

    def _token(self, _: Mapping[str, Any]) -> Answer:
        return _says({"access_token": "token", "expires_in": "3599"})

    def _push(self, document: Mapping[str, Any]) -> Answer:
        number = len(self.prompts) + 1
        prompt = Prompt(
            f"ws_CO_{number:012d}",
            f"merchant-{number}",
            document["AccountReference"],
            int(document["Amount"]),
            document["CallBackURL"],
            f"S{number:09d}",
        )
        self.prompts.append(prompt)
        return _says(
            {"ResponseCode": "0", "CheckoutRequestID": prompt.id, "MerchantRequestID": prompt.merchant}
        )

    def _query(self, document: Mapping[str, Any]) -> Answer:
        prompt = next(prompt for prompt in self.prompts if prompt.id == document["CheckoutRequestID"])
        if not prompt.outcome:
            refusal = {"requestId": "1", "errorCode": "500.001.1001"}
            return _says({**refusal, "errorMessage": "The transaction is being processed"}, 500)
        return _says({"ResponseCode": "0", "CheckoutRequestID": prompt.id, "ResultCode": prompt.outcome})

    def _reverse(self, document: Mapping[str, Any]) -> Answer:
        prompt = next(prompt for prompt in self.prompts if prompt.receipt == document["TransactionID"])
        prompt.sent_back += 1
        reversal = Reversal(f"AG_{len(self.reversals) + 1:012d}", document["ResultURL"], prompt)
        self.reversals.append(reversal)
        return self._taken(f"own-{reversal.id}", reversal.id)

    def _asked(self, document: Mapping[str, Any]) -> Answer:
        """A question whose answer would come as a message; here it never does."""
        return self._taken("own-question", "AG_question")

    def _taken(self, own: str, conversation: str) -> Answer:
        return _says({"ResponseCode": "0", "OriginatorConversationID": own, "ConversationID": conversation})

    _answers = {
        "oauth": _token,
        "stkpushquery": _query,
        "stkpush": _push,
        "reversal": _reverse,
        "transactionstatus": _asked,
    }


def _says(document: Mapping[str, Any], status: int = 200) -> Answer:
    return Answer(status, json.dumps(document).encode(), {"content-type": "application/json"})


def _path(address: str) -> str:
    return urlsplit(address).path
