"""What all jobs have whose code is, or may be, a container image."""

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import PrivateAttr, ValidationInfo, field_validator

from provisioner.jobs import pin
from provisioner.jobs.build import Build
from provisioner.jobs.build import build as build_of
from provisioner.jobs.model import RowModel, checked
from provisioner.jobs.pin import Pin


class WithImage(RowModel):
    """A job of one of these types; its `image` and `pin` are fields of the type itself."""

    if TYPE_CHECKING:
        pin: Pin | None  # a field of each type, because it is checked after the code that it is of

    build: Annotated[Build | None, checked(build_of)] = None

    _tag: str | None = PrivateAttr(None)
    _newest: str | None = PrivateAttr(None)
    _built_as: str | None = PrivateAttr(None)

    @property
    def newest(self) -> str | None:
        """The newest version of the code of a job that is pinned; None when it is not known."""
        return self._newest

    def with_newest(self, version: str | None) -> Self:
        """Return the job that knows which version it would run without its pin."""
        job = self.model_copy()
        job._newest = version  # noqa: SLF001  (of its own class)
        return job

    @property
    def built_as(self) -> str | None:
        """The digest of the build whose result the job runs; None when it was not looked up."""
        return self._built_as

    def with_build(self, digest: str) -> Self:
        """Return the job that knows which build its code is of."""
        job = self.model_copy()
        job._built_as = digest  # noqa: SLF001  (of its own class)
        return job

    def with_image(self, image: str, *, tag: str | None) -> Self:
        """Return the job with its image pinned to a digest.

        `tag` is what the row calls it, for people: another tag of the same image is not a change.
        """
        job = self.model_copy(update={"image": image})
        job._tag = tag or self._tag  # noqa: SLF001  (of its own class)
        return job

    def name_of(self, image: str) -> str:
        """Return the image as its row names it, without its digest."""
        name = image.partition("@")[0]
        return f"{name}:{self._tag}" if self._tag else name

    @field_validator("pin", check_fields=False)
    @classmethod
    def _of_its_code(cls, pinned: Pin | None, info: ValidationInfo) -> Pin | None:
        if pinned is not None:
            code = (info.data.get(name) for name in ("image", "bundle", "build"))
            pin.fits(pinned, *code)
        return pinned
