"""Pack the files of an image: bytecode, start files, static files and secrets."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Problem
from ..image.tree import LISTING, checksums, static_files
from ..model.plan import BoardPlan, Plan
from ..project import signers
from . import radio
from .inputs import Inputs, needs_broker
from .program import Program
from .start import start_modules


def run(program: Program) -> None:
    """Gather all files of the image, with the list of their checksums."""
    as_they_are = _as_they_are(program)
    files = {**program.compiled, **as_they_are, **program.secrets}
    program.files = {**files, LISTING: checksums(files)}


def missing_secrets(plan: Plan, board: BoardPlan, inputs: Inputs) -> list[Problem]:
    """Return the secrets that the board's image needs and ``secrets.toml`` does not have."""
    secrets = inputs.secret_files(needs_broker(board))
    if secrets is None:
        return []
    return [*_without_key(plan, board, secrets), *_open_mailbox(plan, board, inputs)]


def _without_key(plan: Plan, board: BoardPlan, secrets: dict[str, bytes]) -> Iterator[Problem]:
    """Report a missing cluster key: calls between boards are authenticated with it."""
    if b'"keys"' in secrets.get("secrets.json", b""):
        return
    links = list(_links(plan))
    if any(board.name in names for names, _ in links):
        what = f"{links[0][1]}: the cluster needs a key"  # for all boards the same, to show it once
        yield Problem(None, what, "make one, which git ignores, with: torpor secrets init")


def _links(plan: Plan) -> Iterator[tuple[set[str], str]]:
    """Yield the boards of each link between two boards, and what goes over it."""
    for board in plan.boards:
        for service in board.services:
            for peer in service.contract.peers:
                if board.has(peer.service):
                    continue
                call = f"{service.name} on {board.name} calls {peer.service}"
                homes = plan.homes(peer.service)
                yield from (({board.name, b.name}, f"{call} on {b.name}") for b in homes)
                if not homes:  # a service that is built alone
                    yield {board.name}, call
        for event in board.published:
            for subscriber in plan.subscribers(board, event):
                what = f"{board.name} sends the event {event} to {subscriber.name}"
                yield {board.name, subscriber.name}, what


def _open_mailbox(plan: Plan, board: BoardPlan, inputs: Inputs) -> Iterator[Problem]:
    """Check that the broker has a password and, over TLS, a certificate that identifies it.

    Without them, anyone who can reach the broker can call every route of the board.
    """
    broker = board.mailbox or (plan.cluster.mailbox if board.mails else None)
    if broker is None:
        return
    login = inputs.broker_login
    if not (login.get("user") and login.get("password")) and not broker.is_here:
        what = f"the broker at {broker.host} would accept requests for {board.name} from anyone"
        yield Problem(broker.where, what, "put [mailbox] user and password into secrets.toml")
    if broker.tls and "ca" not in login:
        what = f"{board.name} cannot verify the broker at {broker.host}"
        remedy = 'put [mailbox] ca = "ca.pem", the certificate of its CA, into secrets.toml'
        yield Problem(broker.where, what, remedy)


def _as_they_are(program: Program) -> dict[str, bytes]:
    """The files that go into the image as they are."""
    board = program.board
    begin = radio.begin(board)
    start = start_modules(
        board.board.port,
        program.production,
        begin,
        updated=program.updated,
        outputs=board.outputs,
    )
    files = {module.path: module.source.encode() for module in start}
    if program.updated:
        files[signers.NAME] = b"".join(program.signers)
    for service in board.services:
        for name, data in static_files(service.folder / "static").items():
            files[f"services/{service.name}/static/{name}"] = data
    return files
