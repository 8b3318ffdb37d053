"""`odoportal jobs`: list the background jobs, and run one."""

import asyncio
import sys

import click

from odoportal.commands.common import Refused, data, format_instant, say


@click.group(invoke_without_command=True)
@click.pass_context
def jobs(context: click.Context) -> None:
    """List the background jobs: last run, next run, and result.

    `odoportal run` runs them; a job runs in one process at a time.
    """
    if context.invoked_subcommand is None:
        _list()


def _list() -> None:
    with data():
        from odoportal import background_jobs
        from odoportal.core import database
        from odoportal.jobs import leases
        from odoportal.jobs.models import JobState

        with database.read_session() as session:
            now = leases.database_now(session)
            states = {job.name: session.get(JobState, job.name) for job in background_jobs.JOBS}
        for job in background_jobs.JOBS:
            state = states[job.name]
            if not job.is_needed():
                say(f"{job.name:<12}  not needed with these settings")
            elif state is None:
                say(f"{job.name:<12}  has not run yet")
            else:
                last = f"last {format_instant(state.ended_at)}" if state.ended_at else "has not run yet"
                running = leases.is_held(state, now) and state.started_at is not None
                then = f"running since {format_instant(state.started_at or now)}" if running else f"next {format_instant(state.due_at)}"
                late = ", LATE" if leases.is_late(state, job, now) else ""
                say(f"{job.name:<12}  {last}, {then}{late}" + (f": {state.result}" if state.result else ""))


@jobs.command()
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Say how much there is to do, and do nothing.")
def run(name: str, dry_run: bool) -> None:
    """Run the job NAME now, though it may not be due.

    Ends with 1 when something failed; that is tried again by itself.
    """
    with data(mails=True):
        from odoportal import background_jobs
        from odoportal.core import database
        from odoportal.jobs import leases, runner

        job = next((job for job in background_jobs.JOBS if job.name == name), None)
        if job is None:
            raise Refused(f"There is no job {name}; the jobs are {', '.join(job.name for job in background_jobs.JOBS)}.")
        if not job.is_needed():
            raise Refused(f"The job {name} is not needed with these settings.")
        if dry_run:
            with database.read_session() as session:
                say(f"{job.waiting(session, leases.database_now(session))} to do.")
            return
        try:
            result = asyncio.run(runner.run_now(job, leases.new_holder()))
        except Exception as error:
            raise click.ClickException(f"The job {name} failed: {type(error).__name__}. It is tried again by itself.") from error
    if result is None:
        raise click.ClickException(f"Another process is running the job {name} at this moment.")
    say(f"{result}.")
    if result.failed:
        sys.exit(1)
