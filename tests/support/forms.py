"""A browser without JavaScript, for a console in this process: it fills in forms and sends them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from provisioner.console.http import Response, request_of
from tests.support.console import event_of

HOST = "abc.execute-api.localhost:4566"


@dataclass
class Form:
    action: str
    method: str
    fields: list[list[str]] = field(default_factory=list)
    buttons: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Name, value, text and formaction of each."""

    def names(self) -> list[str]:
        return [name for name, _ in self.fields]

    def __getitem__(self, name: str) -> str:
        return next(value for key, value in self.fields if key == name)

    def set(self, **values: str) -> Form:
        return self.fill(values)

    def fill(self, values: dict[str, str]) -> Form:
        for name, value in values.items():
            [found] = [each for each in self.fields if each[0] == name]
            found[1] = value
        return self


class Page(HTMLParser):
    """The forms and the text of a page, as HTML says them."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.status = response.status
        self.response = response
        self.html = response.body if isinstance(response.body, str) else response.body.decode()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._text: list[str] = []
        self._into: list[str] | None = None
        self._select: list[str] | None = None
        self.feed(self.html)

    @property
    def text(self) -> str:
        return " ".join("".join(self._text).split())

    @property
    def form(self) -> Form:
        posts = [each for each in self.forms if each.method == "POST"]
        [found] = [each for each in posts if each.action != "/sign-out"]
        return found

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        has = dict(attributes)
        self.elements.append((tag, has))
        if tag == "a":
            self.links.append(has.get("href") or "")
        if tag == "form":
            method = (has.get("method") or "get").upper()
            self.forms.append(Form(has.get("action") or "", method))
        if not self.forms:
            return
        form = self.forms[-1]
        name, value = has.get("name") or "", has.get("value") or ""
        match tag:
            case "input" if has.get("type") != "checkbox" or "checked" in has:
                form.fields.append([name, value])
            case "textarea":
                self._into = [name, ""]
                form.fields.append(self._into)
            case "select":
                self._select = [name, ""]
                form.fields.append(self._select)
            case "option" if self._select is not None and "selected" in has:
                self._select[1] = value
                self._into = self._select if "value" not in has else None
            case "button":
                form.buttons.append((name, value, "", has.get("formaction") or ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._into:
            self._into[1] = self._into[1].removeprefix("\n").replace("\n", "\r\n")
        if tag in {"textarea", "option"}:
            self._into = None
        if tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into[1] += data
        self._text.append(data)


class Browser:
    """Asks a console for pages."""

    app: Any
    host = HOST

    def get(self, address: str, **headers: str) -> Page:
        return Page(self._ask("GET", address, headers))

    def post(self, address: str, fields: list[Any], **headers: str) -> Page:
        own = {"origin": f"http://{self.host}", "sec-fetch-site": "same-origin"}
        own["content-type"] = "application/x-www-form-urlencoded"
        body = urlencode([tuple(each) for each in fields]).encode()
        return Page(self._ask("POST", address, {**own, **_named(headers)}, body))

    def press(self, page: Page, button: str = "", **headers: str) -> Page:
        """Send the page's form by the button with this value."""
        form = page.form
        pressed = next(
            (each for each in form.buttons if not button or button in {each[1], each[3]}), None
        )
        assert pressed is not None, f"there is no button {button}"
        name, value, _, address = pressed
        fields = [*form.fields, *([[name, value]] if name else [])]
        return self.post(address or form.action, fields, **headers)

    def follow(self, page: Page) -> Page:
        assert page.status == 303, page.text
        return self.get(page.response.headers["Location"])

    def _ask(
        self, method: str, address: str, headers: dict[str, str], body: bytes = b""
    ) -> Response:
        sent = {"host": self.host, **_named(headers)}
        event = event_of(method, address, sent, body)
        response: Response = self.app.answer(request_of(event))
        return response


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
