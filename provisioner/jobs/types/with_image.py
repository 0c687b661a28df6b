"""What all jobs have whose code is, or may be, a container image."""

from typing import Self

from pydantic import PrivateAttr

from provisioner.jobs.model import RowModel


class WithImage(RowModel):
    """A job of one of these types; its `image` is a field of the type itself."""

    _tag: str | None = PrivateAttr(None)

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
