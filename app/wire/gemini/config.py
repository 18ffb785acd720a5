"""How an answer is to be generated: Gemini's generationConfig.

Rule: what was held for is always written (`maxOutputTokens`, which bounds thinking too); all else only where the client said it.
"""

from __future__ import annotations

from typing import Any, Final

from app.wire.canonical import CanonicalRequest, Target, TextFormat, refusal
from app.wire.gemini.family import Family, family
from app.wire.gemini.media import media_resolution
from app.wire.gemini.tools import Offer, image_config

Json = dict[str, Any]

CHOICES_MAX: Final = 8
STOPS_MAX: Final = 5
_SEED_MAX: Final = 2**31 - 1
_AS_THEY_ARE: Final = {
    "temperature": "temperature",
    "top_p": "topP",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "seed": "seed",
}


def generation_config(ask: CanonicalRequest, target: Target, offer: Offer) -> Json:
    _refuse_what_has_no_place(ask)
    kind = family(target.model)
    config: Json = {"maxOutputTokens": target.max_output_tokens}
    for field, name in _AS_THEY_ARE.items():
        value = getattr(ask, field)
        if value is not None:
            config[name] = value
    if ask.stop:
        config["stopSequences"] = list(ask.stop)
    if ask.logprobs is not None:
        config |= {"responseLogprobs": True} | ({"logprobs": ask.logprobs} if ask.logprobs else {})
    return (
        config
        | _choices(ask, kind)
        | _format(ask, kind, offer)
        | _thinking(ask, kind)
        | media_resolution(ask)
        | image_config(ask, offer, newest=kind.newest)
    )


def _refuse_what_has_no_place(ask: CanonicalRequest) -> None:
    if ask.logit_bias:
        raise refusal(ask, "logit_bias", "This model takes no biases.")
    if ask.verbosity not in (None, "medium"):
        raise refusal(ask, "verbosity", "This model takes none but medium: ask for it in the text.")
    if ask.service_tier not in (None, "auto", "default"):
        raise refusal(ask, "service_tier", "Only the default service tier is offered.")
    if len(ask.stop) > STOPS_MAX:
        raise refusal(ask, "stop", f"This model takes at most {STOPS_MAX} stop sequences.")
    if ask.seed is not None and abs(ask.seed) > _SEED_MAX:
        raise refusal(ask, "seed", f"This model takes a seed up to {_SEED_MAX}.")


def _choices(ask: CanonicalRequest, kind: Family) -> Json:
    """Several candidates are documented for plain answers; the newest models answer that they are not enabled."""
    if ask.choices == 1:
        return {}
    if ask.stream or kind.newest:
        raise refusal(ask, "choices", "This model gives one answer to a request.")
    if ask.choices > CHOICES_MAX:
        raise refusal(ask, "choices", f"This model gives at most {CHOICES_MAX} answers to a request.")
    return {"candidateCount": ask.choices}


def _format(ask: CanonicalRequest, kind: Family, offer: Offer) -> Json:
    form = ask.format
    if form is None or form.kind == "text":
        return {}
    if not kind.newest and (offer.functions or offer.search):
        raise refusal(ask, "format", "This model gives JSON only without functions and searches.")
    schema = _schema(form) if form.kind == "json_schema" else None
    return {"responseMimeType": "application/json"} | ({} if schema is None else {"responseJsonSchema": schema})


def _schema(form: TextFormat) -> Json | None:
    """A format's description has its place in the schema."""
    if form.description is None or form.schema is None:
        return form.schema
    own = form.schema.get("description")
    told = f"{form.description}\n\n{own}" if isinstance(own, str) else form.description
    return {**form.schema, "description": told}


def _thinking(ask: CanonicalRequest, kind: Family) -> Json:
    """Thoughts come in one form: whatever summary was asked for, it is that."""
    config: Json = {}
    if ask.effort is not None:
        if ask.effort not in kind.efforts:
            takes = ", ".join(kind.efforts) or "none"
            raise refusal(ask, "effort", f"Of the efforts this model takes {takes}.")
        config["thinkingLevel" if kind.thinking == "level" else "thinkingBudget"] = kind.efforts[ask.effort]
    if ask.summary is not None and ask.effort != "none":
        if kind.thinking is None:
            raise refusal(ask, "summary", "This model does not think.")
        config["includeThoughts"] = True
    return {"thinkingConfig": config} if config else {}
