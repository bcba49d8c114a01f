"""Rules for a single service: one function per mistake, which reports every place that has it.

Every rule has a case file in ``tests/cases/errors``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from ...errors import Problem
from ..source import Source
from . import (
    classes,
    events,
    imports,
    methods,
    migrations,
    routes,
    run_time,
    service,
    standard_types,
    triggers,
)

SOURCE_RULES: tuple[Callable[[Source], Iterator[Problem]], ...] = (
    service.one_service_class,
    imports.only_classes_of_peers,
    events.events_have_fields_only,
    events.events_derive_from_event,
    migrations.migrations_are_named,
    migrations.migrations_are_numbered,
    migrations.migrations_have_up,
    migrations.migrations_stand_alone,
    run_time.async_generators_are_streams,
    run_time.streams_are_not_iterated,
    run_time.types_are_not_computed,
    run_time.tuples_have_no_steps,
    standard_types.special_methods_are_not_called,
    standard_types.formats_are_known,
    standard_types.text_is_utf8,
)
CLASS_RULES: tuple[Callable[[Source, ast.ClassDef], Iterator[Problem]], ...] = (
    classes.bases_can_be_read,
    classes.classes_are_plain,
    classes.bodies_are_plain,
    classes.methods_are_defined,
    classes.contract_is_not_decorated,
    classes.decorators_are_in_the_class,
    classes.classes_stay,
    service.names_do_not_clash,
    service.peers_are_bare,
    service.hooks_have_their_signature,
    methods.public_methods_are_async,
    methods.arguments_are_plain,
    methods.arguments_are_annotated,
    methods.results_are_annotated,
    methods.defaults_are_constants,
    methods.defaults_are_allowed,
    routes.decorators_are_right,
    triggers.triggers_are_right,
    events.events_are_published_as_such,
    events.handlers_are_right,
    events.handlers_are_called_with_events_only,
    routes.paths_are_well_formed,
    routes.parameters_have_arguments,
    routes.routes_do_not_collide,
    routes.streams_have_routes,
)


def check_source(source: Source) -> list[Problem]:
    """Return everything that is wrong with a service on its own."""
    problems = [problem for rule in SOURCE_RULES for problem in rule(source)]
    for cls in source.classes[:1]:
        problems += [problem for rule in CLASS_RULES for problem in rule(source, cls)]
    return problems
