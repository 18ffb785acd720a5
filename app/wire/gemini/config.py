"""Writes Gemini's generationConfig.

Rule: the limit that the hold covers is always written (`maxOutputTokens`, which includes thinking). Everything else is written only
if the client set it.
"""

from __future__ import annotations

from typing import Any, Final

from app.wire.canonical import CanonicalRequest, Target, TextFormat, unsupported_field
from app.wire.gemini.family import Family, family
from app.wire.gemini.media import media_resolution
from app.wire.gemini.tools import SelectedTools, image_config

Json = dict[str, Any]

CHOICES_MAX: Final = 8
STOPS_MAX: Final = 5
_SEED_MAX: Final = 2**31 - 1
_COPIED: Final = {
    "temperature": "temperature",
    "top_p": "topP",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "seed": "seed",
}


def generation_config(request: CanonicalRequest, target: Target, selected: SelectedTools) -> Json:
    _check_supported(request)
    kind = family(target.model)
    config: Json = {"maxOutputTokens": target.max_output_tokens}
    for field, name in _COPIED.items():
        value = getattr(request, field)
        if value is not None:
            config[name] = value
    if request.stop:
        config["stopSequences"] = list(request.stop)
    if request.logprobs is not None:
        config |= {"responseLogprobs": True} | ({"logprobs": request.logprobs} if request.logprobs else {})
    return (
        config
        | _choices(request, kind)
        | _format(request, kind, selected)
        | _thinking(request, kind)
        | media_resolution(request)
        | image_config(request, selected, newest=kind.newest)
    )


def _check_supported(request: CanonicalRequest) -> None:
    if request.logit_bias:
        raise unsupported_field(request, "logit_bias", "This model does not support logit_bias.")
    if request.verbosity not in (None, "medium"):
        raise unsupported_field(
            request, "verbosity", "This model supports 'medium' only: describe the verbosity in the prompt."
        )
    if request.service_tier not in (None, "auto", "default"):
        raise unsupported_field(request, "service_tier", "Only the default service tier is offered.")
    if len(request.stop) > STOPS_MAX:
        raise unsupported_field(request, "stop", f"This model supports at most {STOPS_MAX} stop sequences.")
    if request.seed is not None and abs(request.seed) > _SEED_MAX:
        raise unsupported_field(request, "seed", f"This model supports seeds from -{_SEED_MAX} to {_SEED_MAX}.")


def _choices(request: CanonicalRequest, kind: Family) -> Json:
    """Gemini documents several candidates for answers that are not streamed, but its newest models reject them."""
    if request.choices == 1:
        return {}
    if request.stream or kind.newest:
        raise unsupported_field(request, "choices", "This model returns one answer per request.")
    if request.choices > CHOICES_MAX:
        raise unsupported_field(request, "choices", f"This model returns at most {CHOICES_MAX} answers per request.")
    return {"candidateCount": request.choices}


def _format(request: CanonicalRequest, kind: Family, selected: SelectedTools) -> Json:
    form = request.format
    if form is None or form.kind == "text":
        return {}
    if not kind.newest and (selected.functions or selected.search):
        raise unsupported_field(
            request, "format", "This model supports JSON output only without functions and searches."
        )
    schema = _schema(form) if form.kind == "json_schema" else None
    return {"responseMimeType": "application/json"} | ({} if schema is None else {"responseJsonSchema": schema})


def _schema(form: TextFormat) -> Json | None:
    """The schema with the format's description, which Gemini has no separate place for."""
    if form.description is None or form.schema is None:
        return form.schema
    own = form.schema.get("description")
    description = f"{form.description}\n\n{own}" if isinstance(own, str) else form.description
    return {**form.schema, "description": description}


def _thinking(request: CanonicalRequest, kind: Family) -> Json:
    """Thoughts come in a single form, whichever summary was requested."""
    config: Json = {}
    if request.effort is not None:
        if request.effort not in kind.efforts:
            takes = ", ".join(kind.efforts) or "no reasoning effort"
            raise unsupported_field(request, "effort", f"This model supports {takes}.")
        config["thinkingLevel" if kind.thinking == "level" else "thinkingBudget"] = kind.efforts[request.effort]
    if request.summary is not None and request.effort != "none":
        if kind.thinking is None:
            raise unsupported_field(request, "summary", "This model does not reason.")
        config["includeThoughts"] = True
    return {"thinkingConfig": config} if config else {}
