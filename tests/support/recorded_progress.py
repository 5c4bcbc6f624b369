"""Progress of a job, recorded as it is published."""

from dataclasses import dataclass, field


@dataclass
class RecordedProgress:
    """The progress that was published: shares of the work, and messages."""

    shares: list[float] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def __call__(self, done: float, message: str) -> None:
        self.shares.append(done)
        self.messages.append(message)
