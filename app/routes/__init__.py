"""The HTTP surface: thin handlers that parse, call and answer. Each module lists its routes; they are registered here."""

from __future__ import annotations

from functools import partial

from app.edge.application import EdgeApplication, make_app
from app.routes import (
    account,
    answers,
    events,
    exports,
    files,
    keys,
    log,
    models,
    openapi,
    pay,
    payments,
    probes,
    proofs,
    requests,
    session,
    statements,
    transactions,
    usage,
    website,
)
from app.routes.caller import cookie_name
from app.routes.route import register
from app.services import Services
from app.website.opening import no_site
from app.website.site import Site

_V1 = (answers, models, files)
_API = (session, account, events, transactions, usage, requests, proofs, exports, statements, keys, payments)
_PUBLIC = (log, probes)


def application(services: Services, site: Site | None = None) -> EdgeApplication:
    """The application over a process's services. `site`: the website; by default there is none."""
    server = services.settings.server
    ready = partial(probes.ready, services)
    app = make_app(max_body_bytes=server.max_body_bytes, ready=ready, cors_origins=server.cors_origins)
    probes.describe_probes(app)
    stripe = services.settings.stripe
    simulator = (pay,) if stripe is not None and stripe.simulator else ()
    for module in (*_V1, *_API, *_PUBLIC, *simulator):
        for route in module.ROUTES:
            register(app, services, route)
    openapi.register(app, cookie_name(services))  # these two come last: they depend on the routes that are there
    website.register(app, site or no_site(https=server.public_url.startswith("https:")))
    return app
