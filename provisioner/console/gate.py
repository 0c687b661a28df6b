"""Who may come in: before every page, whose request it is; with a sign-in, the pages of that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from provisioner.console import cookies
from provisioner.console.app import Route
from provisioner.console.http import Request, Response, redirect
from provisioner.console.id_token import SignInError
from provisioner.console.render import error_page, page
from provisioner.console.same_origin import SAFE_METHODS, is_same_origin, require_own_page
from provisioner.errors import ForbiddenError, TemporaryError
from provisioner.service import audit
from provisioner.service.caller import Caller
from provisioner.service.rights import Action
from provisioner.sessions import form_token, is_form_token

if TYPE_CHECKING:
    from provisioner.console.sign_in import Redirect, SignIn
    from provisioner.service.context import Service
    from provisioner.sessions import Session


@dataclass(frozen=True, slots=True)
class Gate:
    """The way in to a console with a sign-in: nobody else sees anything but how to sign in."""

    sign_in: SignIn

    @property
    def routes(self) -> tuple[Route, ...]:
        """The pages for people who are not signed in."""
        return (
            Route("GET", "/sign-in", self.begin, None),
            Route("GET", "/callback", self.finish, None),
            Route("GET", "/signed-in", self.signed_in, None),
            Route("POST", "/sign-out", self.end, None),
        )

    def before(self, request: Request) -> Request | Response:
        """Return the request of whoever is signed in, or else the way to sign in.

        Raises
        ------
        ForbiddenError
            If it changes something, and was not made by a page of ours.
        """
        looks = request.is_partial and request.method in SAFE_METHODS
        session = self.sign_in.session_of(request.cookies, is_use=not looks)
        if session is None:
            return self._to_sign_in(request)
        require_own_page(request.method, request.headers, self.sign_in.origin)
        token = form_token(cookies.value_of(request.cookies, cookies.SESSION))
        known = request.of(self._caller(request, session), csrf=token)
        return known if self._has_own_token(request) else _of_another_sign_in(known)

    def begin(self, request: Request, _: Service) -> Response:
        """Send somebody to the issuer; not at once after they have signed out."""
        if "signed-out" in request.query:
            return self._page(request, "You are signed out.")
        try:
            begun = self.sign_in.begin(request.query.get("return_to", "/"))
        except (SignInError, TemporaryError) as error:
            return self._failed(request, error)
        return _answer(begun)

    def finish(self, request: Request, service: Service) -> Response:
        """Take the issuer's answer."""
        try:
            session, done = self.sign_in.finish(request.query, request.cookies)
            caller = self._caller(request, session)
            with audit.recorded(replace(service, caller=lambda: caller), Action.SIGN_IN):
                pass  # an entry that cannot be written keeps the session from the browser
        except (SignInError, TemporaryError) as error:
            return self._failed(request, error)
        return _answer(done)

    def signed_in(self, request: Request, _: Service) -> Response:
        """Send somebody back to the tab in which their session had ended."""
        return self._page(request, "You may close this tab, and continue in the other one.")

    def end(self, request: Request, service: Service) -> Response:
        """Sign somebody out, even if the audit cannot have it."""
        session = self.sign_in.session_of(request.cookies)
        if session is not None:
            require_own_page(request.method, request.headers, self.sign_in.origin)
            if not self._has_own_token(request):
                raise ForbiddenError(_ANOTHER_SIGN_IN)
        done = self.sign_in.end(request.cookies)
        if session is not None:
            caller = self._caller(request, session)
            audit.note(replace(service, caller=lambda: caller), Action.SIGN_OUT)
        return _answer(done)

    def _to_sign_in(self, request: Request) -> Response:
        """Return the way to sign in; to whoever has sent something, with that.

        A form of another site is sent without our cookies, too. It is not taken for theirs.
        """
        if request.method in SAFE_METHODS:
            address = f"/sign-in?{urlencode({'return_to': _page_of(request)})}"
            if request.is_partial:
                return Response(status=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": address})
            if request.headers.get("sec-fetch-site") != "same-origin":
                return redirect(address)
            # By a form of ours, perhaps: its policy allows no redirect to another site.
            said = "Your session has ended."
            return self._page(request, said, HTTPStatus.UNAUTHORIZED, goes_on=address)
        if not is_same_origin(request.headers, self.sign_in.origin):
            return redirect("/sign-in")
        said = "your session has ended, so nothing was done. Sign in, then send it again"
        return error_page(
            request, HTTPStatus.UNAUTHORIZED, said, may_send_again=True, signs_in=True
        )

    def _has_own_token(self, request: Request) -> bool:
        session_id = cookies.value_of(request.cookies, cookies.SESSION)
        is_ours = is_form_token(request.form.get("csrf", ""), session_id)
        return request.method in SAFE_METHODS or is_ours

    def _caller(self, request: Request, session: Session) -> Caller:
        role = self.sign_in.groups.role(session.groups)
        assert role is not None, "a session without a role is not open"  # noqa: S101
        name = f"{self.sign_in.issuer.url}#{session.name}"
        return Caller(name, "console", role, request.source, proven=True)

    def _failed(self, request: Request, error: Exception) -> Response:
        if isinstance(error, TemporaryError):
            return self._page(request, str(error), HTTPStatus.SERVICE_UNAVAILABLE)
        forgotten = (cookies.forget(cookies.SIGN_IN),)
        response = self._page(request, f"You are not signed in: {error}.", HTTPStatus.FORBIDDEN)
        return Response(response.body, response.status, cookies=forgotten)

    def _page(
        self, request: Request, said: str, status: int = HTTPStatus.OK, goes_on: str = ""
    ) -> Response:
        host = urlsplit(self.sign_in.issuer.url).netloc
        return page(
            request,
            "sign_in.html",
            status=status,
            polls=False,
            said=said,
            host=host,
            goes_on=goes_on,
        )


_ANOTHER_SIGN_IN = "this form is of another sign-in"


def _of_another_sign_in(request: Request) -> Response:
    """Return what was sent, to be sent again: its page is older than the session."""
    said = f"{_ANOTHER_SIGN_IN}, so nothing was done. Send it again if you still want it"
    page = error_page(request, HTTPStatus.FORBIDDEN, said, may_send_again=True)
    return page.having({"Form-Token": request.csrf})


def _page_of(request: Request) -> str:
    """Return the address of the page that somebody is at; it is theirs to say."""
    if not request.is_partial:
        return request.address
    page = urlsplit(request.headers.get("hx-current-url", ""))
    return f"{page.path}?{page.query}" if page.query else page.path


def _answer(wanted: Redirect) -> Response:
    return redirect(wanted.location, wanted.set_cookies)
