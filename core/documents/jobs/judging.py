"""What an error means for the job that raised it: whether and when it is repeated."""

from pdfsluice.core.errors import PdfsluiceError, QuotaExceeded, StorageFull
from pdfsluice.core.models.jobs import JobState
from pdfsluice.core.plugins.ports.documents import RetryPolicy
from pdfsluice.core.plugins.thread_boundary import PartFailed

from .progress import JobOutcome
from .turns import TurnLimits


def judge(
    error: PdfsluiceError, outcome: JobOutcome, retry: RetryPolicy, limits: TurnLimits
) -> None:
    """Decide what an error means for its job.

    Args:
        error: What the job raised.
        outcome: How it ended.
        retry: When it is repeated after a fault.
        limits: When it is repeated for lack of space, or because of a quota.
    """
    outcome.message, outcome.code = error.message, error.code
    if isinstance(error, StorageFull):  # other jobs need the same space: wait for it
        outcome.counted = False
        outcome.again(limits.space_seconds)
    elif isinstance(error, QuotaExceeded):  # tomorrow, or when the limit is raised
        outcome.counted = False
        outcome.again(limits.quota_seconds)
    elif error.retryable or isinstance(error, PartFailed):
        repeat(outcome, retry)
    else:
        outcome.state = JobState.FAILED


def repeat(outcome: JobOutcome, retry: RetryPolicy) -> None:
    """Queue a job again if it has attempts left."""
    attempts = outcome.job.attempts
    if attempts < retry.attempts:
        outcome.again(retry.delay(attempts))
    else:
        outcome.state = JobState.FAILED
