"""Links a service, its tests and the device half of the plugin into an image.

It has no code of the service's peers, but their contracts, which stand-ins are checked against.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from torpor_sim.facts import facts
from torpor_sim.flash import BoardFolder, starter
from torpor_sim.ports import Place
from torpor_sim.wiring import table

from .. import paths
from ..contracts import load_plan
from ..contracts.lib import FOLDER as LIB
from ..contracts.settings import read_settings
from ..contracts.source import read_source
from ..errors import Problem, UserError, Where, fail
from ..files import project_files
from ..image.tree import static_files
from ..link import events, split
from ..link.bind import bind
from ..link.compile import compile_all
from ..link.libraries import Shelf
from ..link.literal import literal
from ..link.module import Module, shown
from ..link.resolve import resolved
from ..link.strict import contract_name, tables, wrapped
from ..link.wiring import wiring
from ..model.contract import Contract, Method
from ..model.plan import BoardPlan, PlacedService, Plan
from ..python_text import syntax_problem
from ..text import read_text
from .probes import Probes
from .rewrite import for_device

# Those of the shims that a chip needs too; its sockets, its radio and its filesystem are real.
_OVERLAYS = ("_[!_]*.py", "machine.py", "onewire.py", "ds18x20.py")
# A chip has these peripherals itself.
_ITS_OWN = {"_adc_block", "_dac", "_i2c", "_pulse", "_pwm", "_spi", "_timer", "_touch", "_uart"}
_ITS_OWN |= {"_blocked", "_no_answer", "_test_time", "_wiring"}
_DEVICE_HALF = (
    "",
    ".serve",
    ".arguments",
    ".check",
    ".world",
    ".board",
    ".reserve",
    ".fixtures",
    ".events",
    ".fake_clock",
    ".client",
    ".forms",
    ".websocket",
)


_LIB_TESTS = "lib.tests"  # no service can have this name
_WIRING_OF_LIB = """
# Code that a test adds: without a service and peers.
SETTINGS = None
PEERS = {}
EVENTS = {}


def wire(s):
    return None


def seen_by_test(service):
    return service
"""


@dataclass(frozen=True)
class TestImage:
    """The files of a service's tests for a board's filesystem."""

    __test__ = False

    service: str
    board: BoardPlan  # with this service only
    files: dict[str, bytes]
    problems: dict[str, list[Problem]]  # of each file that could not be compiled
    probes: Probes = field(default_factory=Probes)  # the lines that are counted, if they are


def link(root: Path, service: str, *, strict: bool = True, counted: bool = False) -> TestImage:
    """The image of a service's tests. ``counted`` makes the service report which lines run.

    Raises ``UserError`` if the cluster has mistakes or does not place the service.
    """
    plan = load_plan(root)
    board, placed = _find(plan, service)
    alone = _alone(board, placed)
    contracts = _contracts(plan)
    text = wiring(plan, alone, strict=strict) + "\n".join(
        _wiring_of_test(placed, contracts, _settings(root, placed), strict)
    )
    tests, problems = _tests(placed.folder / "tests", f"services.{service}.tests", plan)
    files, probes = _files(plan, alone, service, text, (tests, problems), counted)
    for name, data in static_files(placed.folder / "static").items():
        files[f"services/{service}/static/{name}"] = data
    return TestImage(service, alone, files, problems, probes)


def link_lib(root: Path, *, counted: bool = False) -> TestImage:
    """The image of the tests of ``lib/``, on the first board of the cluster, without a service.

    Raises ``UserError`` if the cluster has mistakes.
    """
    plan = load_plan(root)
    board = dataclasses.replace(plan.boards[0], services=())
    text = wiring(plan, board) + _WIRING_OF_LIB
    tests: list[Module] = []
    problems: dict[str, list[Problem]] = {}
    sources = project_files(root / LIB, "*.py")
    for folder in sorted({p for file in sources for p in file.parents if p.name == "tests"}):
        if folder.is_relative_to(root / LIB):
            name = ".".join(folder.relative_to(root).parts)
            found = _tests(folder, name, plan)
            tests += found[0]
            problems.update(found[1])
    files, probes = _files(plan, board, _LIB_TESTS, text, (tests, problems), counted)
    return TestImage(_LIB_TESTS, board, files, problems, probes)


def _files(
    plan: Plan,
    board: BoardPlan,
    name: str,
    text: str,
    tests: tuple[list[Module], dict[str, list[Problem]]],
    counted: bool,
) -> tuple[dict[str, bytes], Probes]:
    """The compiled files of tests and what they need; adds problems of test files to ``problems``.

    ``name`` is the folder of the wiring, ``text``. Raises ``UserError`` if what is tested has
    problems.
    """
    modules_of_tests, problems = tests
    root, probes = plan.cluster.root, Probes()
    # Ported to the board that the service is on, for its modules are what the stubs promise.
    # Nothing is shaken out: several services' tests may share a board, and its runtime.
    program = resolved(plan, board, {"cluster": text}, [*modules_of_tests, *_device_half()])
    # Else all rare code of the runtime would stay in a board's heap. Other images share the board.
    split.run(program, closed=False)
    modules = list(program.modules.values())
    libraries = sorted({m.name.partition(".")[0] for m in modules if m.library})
    modules = [_with_libraries(m, libraries) for m in modules]
    if counted:
        modules = [_counted(module, probes, root) for module in modules]
    compiled, refused = compile_all(modules, root / "build" / ".cache" / "mpy")
    for problem in [*program.problems, *refused]:
        problems.setdefault(problem.where.file if problem.where else "", []).append(problem)
    own = [p for file, group in problems.items() for p in group if "/tests/" not in file]
    if own:
        raise UserError(own)
    files = {file: data for file, data in compiled.items() if file != "cluster.mpy"}
    files[f"t/{name}/cluster.mpy"] = compiled["cluster.mpy"]
    return files, probes


def _with_libraries(module: Module, names: list[str]) -> Module:
    """The wiring with the names of the libraries, which each test file loads afresh."""
    if module.name != "cluster":
        return module
    return dataclasses.replace(module, source=f"{module.source}\nLIBRARIES = {tuple(names)!r}\n")


def shims(image: TestImage, root: str) -> dict[str, bytes]:
    """The files in ``.sim`` that let a real board find simulated pins and probes.

    ``root`` is the folder of the board that the files go to.
    """
    board = image.board.board
    place = Place("0.0.0.0", {})
    board_facts = facts(
        image.board.name,
        board,
        place,
        BoardFolder(Path(root)),
        reset_cause="power-on",
        wake_reason="",
    )
    modules = []
    folder = paths.shims_dir()
    for path in sorted(f for each in _OVERLAYS for f in project_files(folder, each, deep=False)):
        if path == starter() or path.stem in _ITS_OWN:
            continue
        text = path.read_text("utf-8").replace('"/.sim/', f'"{root}/.sim/')
        modules.append(Module(path.stem, False, text, path.name, "test"))
    files = {f".sim/{name}": data for name, data in compile_all(modules)[0].items()}
    files[".sim/facts.json"] = json.dumps(board_facts).encode()
    files[".sim/wiring.json"] = json.dumps(table(image.board)).encode()
    return files


def _find(plan: Plan, service: str) -> tuple[BoardPlan, PlacedService]:
    for board in plan.boards:
        for placed in board.services:
            if placed.name == service:
                return board, placed
    raise fail(
        f"the service {service} is on no board, so its tests cannot be linked",
        "add it to the services of a board",
        Where("cluster.toml"),
    )


def _contracts(plan: Plan) -> dict[str, Contract]:
    return {s.name: s.contract for board in plan.boards for s in board.services}


def _alone(board: BoardPlan, placed: PlacedService) -> BoardPlan:
    """The board with this service only, which is wired to stand-ins and to nothing else."""
    contract = dataclasses.replace(placed.contract, peers=(), publishes=(), handlers=())
    entry = placed.entry
    if entry.port is None and any(m.routes for m in contract.methods):
        entry = dataclasses.replace(entry, port=8000)  # so that its routes can be asked
    entry = dataclasses.replace(entry, on_request=False)  # it is what the tests start
    service = dataclasses.replace(placed, contract=contract, entry=entry)
    return dataclasses.replace(board, services=(service,))


def _wiring_of_test(
    placed: PlacedService,
    contracts: dict[str, Contract],
    settings: list[str] | None,
    strict: bool,
) -> Iterator[str]:
    """Lines that replace the peers in the wiring of a test.

    ``settings``: the keys that ``start(config=...)`` takes; None if the service may read others.
    """
    contract = placed.contract
    peers = {peer.service: contracts[peer.service] for peer in contract.peers}
    yield "\n# What a test adds: stand-ins for the peers, held to their contracts.\n"
    if strict:
        yield "from torpor import strict\n"
        yield from tables({**peers, contract.service: contract}.values())
    yield f"SETTINGS = {literal(settings, column=11)}\n"
    known = {p.attribute: (p.service, _signatures(peers[p.service])) for p in contract.peers}
    yield f"PEERS = {literal(known, column=8)}\n\n"
    yield from events.of_test(contract, strict)
    yield "def wire(s):"
    yield from (f"    {line}" for line in events.wired_in_test(placed))
    for peer in contract.peers:
        given = wrapped(contract.service, peer) if strict else f's["{peer.service}"]'
        yield f'    s["{contract.service}"].{peer.attribute} = {given}'
    yield "    return None\n\n"
    yield "def seen_by_test(service):"
    name = contract.service
    seen = (
        f'strict.CheckedPeer("test", "{name}", service, {contract_name(name)})'
        if strict
        else "service"
    )
    yield f"    return {seen}\n"


def _settings(root: Path, placed: PlacedService) -> list[str] | None:
    """The keys of the service's settings, or None if it reads keys that are not written out."""
    read = read_settings(read_source(root, placed.name))
    if not read.all_known:
        return None
    return sorted({*read.required, *read.optional, *placed.entry.config})


def _signatures(contract: Contract) -> dict[str, str]:
    """The methods that a peer may call, without those that only the clock calls."""
    methods = (m for m in contract.methods if not m.streamed and (m.every_ms is None or m.routes))
    return {method.name: _signature(method) for method in methods}


def _signature(method: Method) -> str:
    """A method as a message shows it: ``newest(fridge, limit=1)``."""
    words = [a.name if a.default is None else f"{a.name}={a.default}" for a in method.arguments]
    return f"{method.name}({', '.join(words)})"


def _device_half() -> list[Module]:
    modules = []
    for name in _DEVICE_HALF:
        path = paths.firmware_dir() / "torpor_test" / f"{name[1:] or '__init__'}.py"
        full = f"torpor_test{name}"
        file = f"firmware/torpor_test/{path.name}"
        text, _ = bind(path.read_text("utf-8"), full, is_package=not name, file=file)
        modules.append(Module(full, not name, text, file, "test"))
    return modules


def _tests(folder: Path, package: str, plan: Plan) -> tuple[list[Module], dict[str, list[Problem]]]:
    """The modules in a ``tests`` folder; pytest's own conftest.py stays on the host."""
    modules: list[Module] = []
    problems: dict[str, list[Problem]] = {}
    root, erased = plan.cluster.root, Shelf(plan.cluster).erased
    for path in project_files(folder, "*.py", deep=False, within=Path("/")):
        if path.name == "conftest.py":
            continue
        file = shown(path, root)
        is_package = path.stem == "__init__"
        name = package + ("" if is_package else f".{path.stem}")
        try:
            source = read_text(path, file)
            text, found = bind(
                for_device(source), name, is_package=is_package, file=file, erased=erased
            )
        except SyntaxError as error:
            found = [syntax_problem(error, source, file)]
        except UserError as error:
            found = list(error.problems)
        else:
            modules.append(Module(name, is_package, text, file, "test"))
        if found:
            problems[file] = found
    return modules, problems


def _counted(module: Module, probes: Probes, root: Path) -> Module:
    if module.part not in ("service", "library"):
        return module
    text = probes.instrument(module.source, root / module.file)
    return dataclasses.replace(module, source=text)
