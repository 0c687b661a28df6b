"""What the models of answers are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1)]


class Model(BaseModel):
    """An object that has no other members."""

    model_config = ConfigDict(extra="forbid")
